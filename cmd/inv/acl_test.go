package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
	"inv/internal/kafkatest"
	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/scenarios"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

// permission is one ACL of docs/operations.md: an operation on one resource.
type permission struct {
	kind      kmsg.ACLResourceType
	name      string
	prefixed  bool
	operation kmsg.ACLOperation
}

func (p permission) String() string {
	return fmt.Sprintf("%s on %s %s", p.operation, p.kind, p.name)
}

// documentedACLs reads the table of docs/operations.md by command.
func documentedACLs(t *testing.T) (commands []string, acls map[string][]permission) {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	acls = map[string][]permission{}
	command := ""
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !slices.Contains([]string{"topic", "group", "cluster", "transactional-id"}, strings.TrimSpace(cells[2])) {
			continue
		}
		if name := strings.Trim(cells[1], " `"); name != "" {
			command = name
			commands = append(commands, command)
		}
		kind, err := kmsg.ParseACLResourceType(strings.ReplaceAll(strings.TrimSpace(cells[2]), "-", "_"))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for _, name := range strings.Split(cells[3], ",") {
			for _, word := range strings.Split(cells[4], ",") {
				operation, err := kmsg.ParseACLOperation(strings.TrimSpace(word))
				if err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				name, prefixed := strings.CutSuffix(strings.Trim(name, " `"), "*")
				acls[command] = append(acls[command], permission{kind, name, prefixed, operation})
			}
		}
	}
	return commands, acls
}

// guarded is a cluster with passwords and ACLs.
type guarded struct {
	t       *testing.T
	brokers []string    // for the user
	client  *kgo.Client // a superuser's

	variables map[string]string // of the environment
}

const guardedUser, guardedPassword = "app", "app-secret"

func guardedEmbedded(t *testing.T) *guarded {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ClusterID(kafka.EmbeddedClusterID), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("PLAIN", "admin", "admin"), kfake.User("PLAIN", guardedUser, guardedPassword))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	admin := kgo.SASL(plain.Auth{User: "admin", Pass: "admin"}.AsMechanism())
	return &guarded{t, cluster.ListenAddrs(), kafkatest.Client(t, cluster.ListenAddrs(), admin), nil}
}

func guardedKafka(t *testing.T) *guarded {
	addresses := []string{kafkatest.FreeAddress(t), kafkatest.FreeAddress(t), kafkatest.FreeAddress(t)}
	node := kafkatest.NewNode(t, map[string]string{
		"listeners":                                  "PLAINTEXT://" + addresses[0] + ",USERS://" + addresses[1] + ",CONTROLLER://" + addresses[2],
		"advertised.listeners":                       "PLAINTEXT://" + addresses[0] + ",USERS://" + addresses[1],
		"controller.quorum.voters":                   "1@" + addresses[2],
		"listener.security.protocol.map":             "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,USERS:SASL_PLAINTEXT",
		"sasl.enabled.mechanisms":                    "PLAIN",
		"listener.name.users.plain.sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required user_` + guardedUser + `="` + guardedPassword + `";`,
		"authorizer.class.name":                      "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users":                                "User:ANONYMOUS",
	})
	return &guarded{t, []string{addresses[1]}, kafkatest.Client(t, node.Brokers()), nil}
}

// acls returns the user's ACLs, sorted.
func (g *guarded) acls() (list []permission, err error) {
	ask := kmsg.NewPtrDescribeACLsRequest()
	ask.Principal = kmsg.StringPtr("User:" + guardedUser)
	ask.ResourceType, ask.ResourcePatternType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny
	ask.Operation, ask.PermissionType = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	resp, err := ask.RequestWith(g.t.Context(), g.client)
	if err != nil {
		return nil, err
	}
	for _, r := range resp.Resources {
		for _, a := range r.ACLs {
			prefixed := r.ResourcePatternType == kmsg.ACLResourcePatternTypePrefixed
			list = append(list, permission{r.ResourceType, r.ResourceName, prefixed, a.Operation})
		}
	}
	slices.SortFunc(list, permission.compare)
	return list, nil
}

func (p permission) compare(o permission) int {
	return strings.Compare(fmt.Sprintf("%+v", p), fmt.Sprintf("%+v", o))
}

func (p permission) pattern() kmsg.ACLResourcePatternType {
	if p.prefixed {
		return kmsg.ACLResourcePatternTypePrefixed
	}
	return kmsg.ACLResourcePatternTypeLiteral
}

// permit replaces the user's ACLs. Those that stay are in force all the time: a command
// that runs would notice a moment without them.
func (g *guarded) permit(permissions []permission) {
	g.t.Helper()
	ctx := g.t.Context()
	want := slices.Clone(permissions)
	for i := range want {
		if want[i].kind == kmsg.ACLResourceTypeCluster {
			want[i].name = "kafka-cluster"
		}
	}
	slices.SortFunc(want, permission.compare)
	want = slices.Compact(want)
	create := kmsg.NewPtrCreateACLsRequest()
	for _, p := range want {
		c := kmsg.NewCreateACLsRequestCreation()
		c.ResourceType, c.ResourceName, c.ResourcePatternType = p.kind, p.name, p.pattern()
		c.Principal, c.Host, c.Operation, c.PermissionType = "User:"+guardedUser, "*", p.operation, kmsg.ACLPermissionTypeAllow
		create.Creations = append(create.Creations, c)
	}
	created, err := create.RequestWith(ctx, g.client)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, r := range created.Results {
		if r.ErrorCode != 0 {
			g.t.Fatalf("creating ACLs: %+v", r)
		}
	}
	had, err := g.acls()
	if err != nil {
		g.t.Fatal(err)
	}
	drop := kmsg.NewPtrDeleteACLsRequest()
	for _, p := range had {
		if slices.Contains(want, p) {
			continue
		}
		f := kmsg.NewDeleteACLsRequestFilter()
		f.Principal = kmsg.StringPtr("User:" + guardedUser)
		f.ResourceType, f.ResourceName, f.ResourcePatternType = p.kind, kmsg.StringPtr(p.name), p.pattern()
		f.Operation, f.PermissionType = p.operation, kmsg.ACLPermissionTypeAny
		drop.Filters = append(drop.Filters, f)
	}
	if len(drop.Filters) > 0 {
		if _, err := drop.RequestWith(ctx, g.client); err != nil {
			g.t.Fatal(err)
		}
	}
	// Brokers apply them with a delay.
	kafkatest.Eventually(g.t, 20*time.Second, "the ACLs are in force", func() (bool, error) {
		got, err := g.acls()
		if err != nil {
			return false, err
		}
		return slices.Equal(got, want), fmt.Errorf("%v, want %v", got, want)
	})
}

// run runs a command line as the user, with a generous timeout.
func (g *guarded) run(line string) invocation {
	login := []string{"-b", g.brokers[0], "-X", "security.protocol=SASL_PLAINTEXT", "-X", "sasl.mechanism=PLAIN",
		"-X", `sasl.jaas.config=x required username="` + guardedUser + `" password="` + guardedPassword + `";`}
	args := append(strings.Fields(line)[1:], login...)
	if words := strings.Fields(line); words[1] == "__complete" { // the last word is the one to complete
		args = slices.Concat(words[1:2], login, words[2:], []string{""})
	}
	var out, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	defer cancel()
	err := execute(ctx, args, &streams{in: strings.NewReader(""), out: &out, err: &stderr,
		getenv: func(name string) string { return g.variables[name] }, now: time.Now, width: func() int { return 0 }})
	code := exitCode(ctx, err, &stderr)
	if ctx.Err() != nil {
		fmt.Fprintln(&stderr, "(still running after a minute)")
	}
	return invocation{out.String(), stderr.String(), code}
}

// scenario returns the inventory scenario.
func (g *guarded) scenario() *scenario.Scenario {
	g.t.Helper()
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		g.t.Fatal(err)
	}
	sc, err := scenario.Parse("inventory.yaml", source)
	if err != nil {
		g.t.Fatal(err)
	}
	return sc
}

// topics creates all topics of the scenario.
func (g *guarded) topics() {
	g.t.Helper()
	if _, err := kafka.EnsureTopics(g.t.Context(), g.client, kafka.Specs(g.scenario(), "inv")...); err != nil {
		g.t.Fatal(err)
	}
}

// work produces input for every stage: products, orders that cause reorders, and a
// bad record for each dead-letter topic.
func (g *guarded) work(n int) {
	g.t.Helper()
	id := "p" + strconv.Itoa(n)
	write := func(topic, key, value string) {
		if err := g.client.ProduceSync(g.t.Context(), &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}).FirstErr(); err != nil {
			g.t.Fatal(err)
		}
	}
	write("product_catalog", id, `{"id":"`+id+`","name":"n","price":1,"reorder_threshold":5,"reorder_quantity":9,"critical_threshold":5,"initial_stock":9}`)
	write("order_events", id, `{"order_id":"o`+id+`","items":[{"product_id":"`+id+`","quantity":6,"unit_price":1}],"order_total":6}`)
	for _, topic := range []string{"product_catalog", "order_events", "stock_receipts", "reorder_events"} {
		write(topic, id, "bad "+id)
	}
}

// letter writes a dead letter that has not been replayed, into partition 0.
func (g *guarded) letter() {
	g.t.Helper()
	const key = "w" // whose partition of 6 is 0
	r := &kgo.Record{Topic: "order_events.dlq", Key: []byte(key), Value: []byte("{}")}
	for key, value := range map[string]string{"dlq-topic": "order_events", "dlq-partition": "0", "dlq-offset": "0", "dlq-reason": "not-json"} {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	if err := g.client.ProduceSync(g.t.Context(), r).FirstErr(); err != nil {
		g.t.Fatal(err)
	}
}

// prepare sets the stage for a command.
func (g *guarded) prepare(command string, acls map[string][]permission, n int) {
	g.t.Helper()
	g.topics()
	switch words := strings.Fields(command); words[1] {
	case "process":
		g.work(n)
	case "forward":
		g.work(n) // the reorders are dead letters
		if _, err := kafka.EnsureTopics(g.t.Context(), g.client, forward.Topics("inv", "purchase-orders")...); err != nil {
			g.t.Fatal(err)
		}
	case "groups":
		g.work(n)
		g.commit("audit")
	case "verify":
		for process, permissions := range acls {
			if strings.HasPrefix(process, "inv process") {
				g.permit(permissions)
				g.run(process)
			}
		}
	case "dlq":
		g.letter()
	case "reset":
		g.commit("inv-ingest")
	case "topics":
		if _, err := kafka.DeleteTopics(g.t.Context(), g.client, "inv-product-log"); err != nil {
			g.t.Fatal(err)
		}
	}
}

// commit gives a group an offset.
func (g *guarded) commit(group string) {
	g.t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset("order_events", 0, 0, -1)
	err := fetch.AwaitCoordinator(g.t.Context(), func() error {
		return kadm.NewClient(g.client).CommitAllOffsets(g.t.Context(), group, offsets)
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

// Each command works with exactly the ACLs in docs/operations.md. When one is missing,
// or is only Describe, it fails at once, with exit code 1 and a message that names the
// operation and the resource. Nothing is called missing or empty that can't be seen.
func TestDocumentedACLs(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) { testDocumentedACLs(t, guardedEmbedded(t), true) })
	// The short form omits one permission of the slow commands, instead of each in turn.
	long := os.Getenv("INV_FAULT_ROUNDS") != ""
	t.Run("kafka", func(t *testing.T) { testDocumentedACLs(t, guardedKafka(t), long) })
}

func testDocumentedACLs(t *testing.T, g *guarded, each bool) {
	commands, acls := documentedACLs(t)
	if len(commands) == 0 {
		t.Fatal("the table is gone")
	}
	procurement := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer procurement.Close()
	g.variables = map[string]string{"PROCUREMENT_URL": procurement.URL, "PROCUREMENT_SECRETS": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
	n := 0
	for _, command := range commands {
		try := func(permissions []permission) invocation {
			n++
			g.prepare(command, acls, n)
			g.permit(permissions)
			return g.run(command)
		}
		// verify finds the bad reorders, as it should.
		if got := try(acls[command]); got.code != 0 && !(command == "inv verify" && strings.Contains(got.stdout, "reorder_events")) {
			t.Errorf("%s with all of its ACLs: exit code %d\n%s", command, got.code, got.stderr)
		}
		slow := slices.Contains([]string{"process", "verify", "forward"}, strings.Fields(command)[1])
		for i, missing := range acls[command] {
			if i > 0 && slow && !each {
				break
			}
			rest := slices.Delete(slices.Clone(acls[command]), i, i+1)
			missing.wants(t, command, try(rest), missing.operation.String())
			if weaker := missing; weaker.weaken() && !slow && !missing.counts(command) {
				missing.wants(t, command+", with Describe only", try(append(rest, weaker)), missing.operation.String())
			}
		}
	}
}

// weaken makes a permission that implies Describe one of Describe only, and reports
// whether it did.
func (p *permission) weaken() bool {
	switch p.operation {
	case kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDelete, kmsg.ACLOperationAlter:
		p.operation = kmsg.ACLOperationDescribe
		return p.kind == kmsg.ACLResourceTypeTopic || p.kind == kmsg.ACLResourceTypeGroup
	}
	return false
}

// counts reports whether a command needs a permission only to count the records that a
// group has not read, if there are some.
func (p permission) counts(command string) bool {
	return strings.HasPrefix(command, "inv groups lag") ||
		strings.HasPrefix(command, "inv dashboard") && slices.Contains([]string{"order_events", "inv-"}, p.name)
}

// called are the words for what is missing or empty.
var called = regexp.MustCompile(`(?i)there (is|are) no|does not exist yet|no groups? |never|not run|nothing (yet|to show|to replay)|has no offsets|no topic of`)

// wants checks that a command has failed for lack of a permission, and says so.
func (p permission) wants(t *testing.T, command string, got invocation, operation string) {
	t.Helper()
	named := p.kind == kmsg.ACLResourceTypeCluster || strings.Contains(got.stderr, p.name)
	// What the operation is needed for may begin with Describe, which it implies.
	if got.code != exitFailed || !strings.Contains(got.stderr, "not authorized to ") || !named ||
		!strings.Contains(got.stderr, "to "+operationName(operation)) && !strings.Contains(got.stderr, "to Describe ") {
		t.Errorf("%s without %s: exit code %d, want 1 and a message that names it\n%s", command, p, got.code, got.stderr)
	}
	if words := called.FindString(got.stdout + got.stderr); words != "" {
		t.Errorf("%s without %s: %q\n%s%s", command, p, words, got.stdout, got.stderr)
	}
}

// operationName returns an operation such as DESCRIBE_CONFIGS by its name in messages.
func operationName(s string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(s, "_") {
		name.WriteString(strings.ToUpper(word[:1]) + strings.ToLower(word[1:]))
	}
	return name.String()
}
