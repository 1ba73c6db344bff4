import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Properties;
import java.util.UUID;
import java.util.stream.StreamSupport;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.TimestampedKeyValueStore;

/**
 * The inventory topology in Kafka Streams, with the reference system's rules: lines of orders are
 * repartitioned by product, one in-memory store holds the stock, the catalogue is a global table,
 * and reorders restock when they come back through their topic.
 *
 * <p>Arguments: BROKERS APPLICATION_ID THREADS. Properties: commit (interval in ms), partitions.
 */
public final class StockKeeper {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Serde<String> TEXT = Serdes.String();
  private static final Serde<JsonNode> TREE =
      Serdes.serdeFrom((topic, tree) -> write(tree), (topic, bytes) -> read(bytes));

  public static void main(String[] args) {
    var topology = build(Integer.getInteger("partitions", 6));
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
    var commit = System.getProperty("commit");
    if (commit != null) {
      p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, commit);
    }
    return p;
  }

  private static StreamsBuilder build(int partitions) {
    var builder = new StreamsBuilder();
    var in = Consumed.with(TEXT, TREE);
    builder.globalTable("product_catalog", in, Materialized.as("catalog"));
    builder.addStateStore(
        Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("stock"), TEXT, TREE).withCachingEnabled());

    KStream<String, JsonNode> lines =
        builder.stream("order_events", in)
            .filter((id, order) -> order != null)
            .flatMap((id, order) ->
                StreamSupport.stream(order.path("items").spliterator(), false)
                    .map(item -> KeyValue.pair(item.path("product_id").asText(),
                        (JsonNode) ((ObjectNode) item).set("order_id", order.path("order_id"))))
                    .toList());
    KStream<String, JsonNode> restocks =
        builder.stream("reorder_events", in)
            .selectKey((id, reorder) -> reorder.path("product_id").asText());
    var outputs =
        byProduct(lines, "items", partitions)
            .merge(byProduct(restocks, "restocks", partitions))
            .process(Ledger::new, "stock");
    var out = Produced.with(TEXT, TREE);
    outputs.filter((id, v) -> v.has("last_updated")).to("inventory_updates", out);
    outputs.filter((id, v) -> v.has("event_id")).to("reorder_events", out);
    outputs.filter((id, v) -> v.has("alert_id")).to("inventory_alerts", out);
    return builder;
  }

  private static KStream<String, JsonNode> byProduct(KStream<String, JsonNode> s, String name, int partitions) {
    return s.repartition(Repartitioned.with(TEXT, TREE).withName(name).withNumberOfPartitions(partitions));
  }

  /** Applies one line or restock to its product. */
  private static final class Ledger implements Processor<String, JsonNode, String, JsonNode> {
    private ProcessorContext<String, JsonNode> context;
    private KeyValueStore<String, JsonNode> stocks;
    private TimestampedKeyValueStore<String, JsonNode> catalog;

    @Override
    public void init(ProcessorContext<String, JsonNode> c) {
      context = c;
      stocks = c.getStateStore("stock");
      catalog = c.getStateStore("catalog");
    }

    @Override
    public void process(Record<String, JsonNode> in) {
      var id = in.key();
      var cause = in.value();
      var before = stocks.get(id);
      int had = before == null ? 0 : before.path("current_stock").asInt();
      boolean restock = cause.has("event_id");
      int stock = restock
          ? had + cause.path("reorder_quantity").asInt()
          : Math.max(0, had - cause.path("quantity").asInt());
      long now = context.currentSystemTimeMs();
      var update = JSON.createObjectNode().put("product_id", id).put("current_stock", stock);
      update.set(restock ? "last_reorder_id" : "last_order_id", cause.path(restock ? "event_id" : "order_id"));
      update.put("last_updated", now);
      stocks.put(id, update);
      context.forward(in.withValue(update));
      var listed = catalog.get(id);
      if (listed != null) {
        react(in, listed.value(), stock, now);
      }
    }

    private void react(Record<String, JsonNode> in, JsonNode product, int stock, long now) {
      var name = product.path("name").asText();
      if (stock <= product.path("reorder_threshold").asInt()) {
        var id = "reorder-" + shortId();
        var reorder = JSON.createObjectNode().put("event_id", id).put("product_id", in.key())
            .put("product_name", name).put("current_stock", stock);
        reorder.set("reorder_quantity", product.path("reorder_quantity"));
        reorder.put("priority", stock <= 5 ? "urgent" : "normal").put("timestamp", now);
        context.forward(in.withKey(id).withValue(reorder));
      }
      if (stock <= product.path("critical_threshold").asInt()) {
        var alert = JSON.createObjectNode().put("alert_id", "alert-" + shortId())
            .put("alert_type", "critical_inventory").put("product_id", in.key())
            .put("product_name", name).put("current_stock", stock);
        alert.set("threshold", product.path("critical_threshold"));
        alert.put("timestamp", now)
            .put("message", "Critical inventory level: " + name + " (" + stock + " units remaining)");
        context.forward(in.withValue(alert));
      }
    }

    private static String shortId() {
      return UUID.randomUUID().toString().substring(0, 8);
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
