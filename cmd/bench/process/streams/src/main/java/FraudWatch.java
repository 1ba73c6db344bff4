import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The topology `fraud` of declared.yaml in Kafka Streams: orders are repartitioned by customer, and
 * one store has what is known of each. Only what the rules need goes through the repartition topic,
 * and that and the state have a compact format.
 *
 * <p>Unlike the declared topology it takes a customer's orders as they come, not in the order of
 * their times, and never forgets a customer.
 *
 * <p>Arguments: BROKERS APPLICATION_ID THREADS. Properties: partitions, store (memory or rocksdb).
 */
public final class FraudWatch {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Serde<String> TEXT = Serdes.String();
  private static final Serde<JsonNode> TREE =
      Serdes.serdeFrom((topic, tree) -> write(tree), (topic, bytes) -> read(bytes));
  private static final Serde<Order> ORDER =
      Serdes.serdeFrom((topic, order) -> order == null ? null : order.bytes(), (topic, b) -> Order.of(b));
  private static final Serde<Customer> CUSTOMER =
      Serdes.serdeFrom((topic, c) -> c == null ? null : c.bytes(), (topic, b) -> Customer.of(b));

  private static final long WINDOW = Duration.ofMinutes(10).toMillis();
  private static final long PROBED = Duration.ofMinutes(30).toMillis();
  private static final int LAST = 20;

  public static void main(String[] args) {
    var topology = build(Integer.getInteger("partitions", 6), System.getProperty("store", "memory"));
    var streams = new KafkaStreams(topology.build(), settings(args[0], args[1], args[2]));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(10))));
    streams.setStateListener((now, before) -> System.err.println(now));
    streams.start();
  }

  private static Properties settings(String brokers, String application, String threads) {
    var p = new Properties();
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, threads);
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("java.io.tmpdir") + "/" + application);
    p.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    p.put(StreamsConfig.consumerPrefix("max.poll.records"), "5000");
    p.put(StreamsConfig.producerPrefix("linger.ms"), "20");
    p.put(StreamsConfig.producerPrefix("batch.size"), "262144");
    return p;
  }

  private static StreamsBuilder build(int partitions, String store) {
    var builder = new StreamsBuilder();
    var customers = store.equals("rocksdb")
        ? Stores.persistentKeyValueStore("customers")
        : Stores.inMemoryKeyValueStore("customers");
    builder.addStateStore(Stores.keyValueStoreBuilder(customers, TEXT, CUSTOMER).withCachingEnabled());
    builder.stream("order_events", Consumed.with(TEXT, TREE))
        .filter((id, order) -> order != null && order.hasNonNull("customer_id"))
        .map((id, order) -> KeyValue.pair(order.path("customer_id").asText(), new Order(
            order.path("order_id").asText(), order.path("order_total").asDouble(), order.path("timestamp").asLong())))
        .repartition(Repartitioned.with(TEXT, ORDER).withName("by-customer").withNumberOfPartitions(partitions))
        .process(Watch::new, "customers")
        .to("fraud_alerts", Produced.with(TEXT, TREE));
    return builder;
  }

  /** Applies the rules to one order. */
  private static final class Watch implements Processor<String, Order, String, JsonNode> {
    private ProcessorContext<String, JsonNode> context;
    private KeyValueStore<String, Customer> customers;

    @Override
    public void init(ProcessorContext<String, JsonNode> c) {
      context = c;
      customers = c.getStateStore("customers");
    }

    @Override
    public void process(Record<String, Order> in) {
      var key = in.key();
      var order = in.value();
      var customer = customers.get(key);
      if (customer == null) {
        customer = new Customer();
      }
      var reasons = new ArrayList<String>();
      int seen = customer.totals.length;
      double usual = seen == 0 ? 0 : Arrays.stream(customer.totals).average().getAsDouble();
      customer.add(order);
      if (customer.recent.length >= 5) {
        reasons.add("velocity");
      }
      if (seen >= 5 && order.total > 5 * usual) {
        reasons.add("outlier");
      }
      if (order.total > 100 && order.time - customer.probe <= PROBED) {
        reasons.add("test_then_charge");
      }
      if (!reasons.isEmpty() && order.time - customer.alerted >= WINDOW) {
        customer.alerted = order.time;
        context.forward(new Record<>(key, alert(key, order, customer, reasons), order.time));
      }
      customers.put(key, customer);
    }

    private static JsonNode alert(String key, Order order, Customer customer, List<String> reasons) {
      var alert = JSON.createObjectNode().put("alert_id", "fraud-" + key + "-" + customer.orders)
          .put("customer_id", key).put("order_id", order.id);
      reasons.forEach(alert.putArray("reasons")::add);
      return alert.put("order_total", order.total).put("orders_in_10m", customer.recent.length)
          .put("timestamp", order.time);
    }
  }

  /** What the rules need of an order. */
  private record Order(String id, double total, long time) {
    byte[] bytes() {
      var text = id.getBytes(StandardCharsets.UTF_8);
      return ByteBuffer.allocate(16 + text.length).putDouble(total).putLong(time).put(text).array();
    }

    static Order of(byte[] bytes) {
      if (bytes == null) {
        return null;
      }
      var in = ByteBuffer.wrap(bytes);
      return new Order(new String(bytes, 16, bytes.length - 16, StandardCharsets.UTF_8), in.getDouble(), in.getLong());
    }
  }

  /** What is known of a customer. */
  private static final class Customer {
    private static final long NEVER = Long.MIN_VALUE / 2;

    private long orders;
    private long probe; // the last small order's time
    private long alerted = NEVER;
    private long newest = NEVER;
    private long[] recent = {}; // times of the orders in the window
    private double[] totals = {}; // of the last orders

    void add(Order order) {
      orders++;
      if (order.total < 5) {
        probe = order.time;
      }
      newest = Math.max(newest, order.time);
      recent = Arrays.copyOf(recent, recent.length + 1);
      recent[recent.length - 1] = order.time;
      recent = Arrays.stream(recent).filter(time -> time > newest - WINDOW).toArray();
      totals = totals.length < LAST
          ? Arrays.copyOf(totals, totals.length + 1)
          : Arrays.copyOfRange(totals, 1, LAST + 1);
      totals[totals.length - 1] = order.total;
    }

    byte[] bytes() {
      var out = ByteBuffer.allocate(36 + 8 * (recent.length + totals.length))
          .putLong(orders).putLong(probe).putLong(alerted).putLong(newest).putInt(recent.length);
      Arrays.stream(recent).forEach(out::putLong);
      Arrays.stream(totals).forEach(out::putDouble);
      return out.array();
    }

    static Customer of(byte[] bytes) {
      if (bytes == null) {
        return null;
      }
      var in = ByteBuffer.wrap(bytes);
      var c = new Customer();
      c.orders = in.getLong();
      c.probe = in.getLong();
      c.alerted = in.getLong();
      c.newest = in.getLong();
      c.recent = new long[in.getInt()];
      Arrays.setAll(c.recent, i -> in.getLong());
      c.totals = new double[in.remaining() / 8];
      Arrays.setAll(c.totals, i -> in.getDouble());
      return c;
    }
  }

  private static byte[] write(JsonNode tree) {
    try {
      return tree == null ? null : JSON.writeValueAsBytes(tree);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static JsonNode read(byte[] bytes) {
    try {
      return bytes == null ? null : JSON.readTree(bytes);
    } catch (IOException e) {
      return null; // not JSON: skipped
    }
  }
}
