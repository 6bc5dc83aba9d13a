# shellcheck shell=bash
# Kafka (KRaft, one node that is broker and controller), for the `servers` script beside this file, which sources it.
# It comes as jars from Maven; Java and Maven are Debian's. With MILLRACE_KAFKA_VOTERS the node is one of a cluster, whose
# other nodes other folders start.

KAFKA_VERSION=4.1.0
KAFKA_JARS=$CACHE/kafka-$KAFKA_VERSION

install_kafka() {
  command -v java >/dev/null || apt_install Java default-jre-headless
  [ -d "$KAFKA_JARS/lib" ] || maven_jars "$KAFKA_JARS" "org.apache.kafka:kafka_2.13:$KAFKA_VERSION" \
    "org.apache.kafka:kafka-tools:$KAFKA_VERSION" org.slf4j:slf4j-simple:1.7.36
}

# Small numbers keep one node within a small heap. The cleaner's buffer is 128 MB by default, which ends a small heap
# without a word.
kafka_properties() {
  local voters=${MILLRACE_KAFKA_VOTERS:-1@127.0.0.1:$KAFKA_CONTROLLER_PORT} commas copies in_sync
  commas=${voters//[^,]/}
  copies=$((${#commas} + 1))
  in_sync=$(((copies + 1) / 2))
  cat <<PROPERTIES
process.roles=broker,controller
node.id=${MILLRACE_KAFKA_NODE:-1}
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT,CONTROLLER://127.0.0.1:$KAFKA_CONTROLLER_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:${MILLRACE_KAFKA_ADVERTISED_PORT:-$KAFKA_PORT}
controller.listener.names=CONTROLLER
log.dirs=$LOCAL/kafka/data
auto.create.topics.enable=false
message.max.bytes=10485760
replica.fetch.max.bytes=10485760
offsets.topic.replication.factor=$copies
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$in_sync
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$in_sync
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.threads=1
log.segment.delete.delay.ms=1000
PROPERTIES
  # Another broker takes over from one that is silent for so long.
  [ "$copies" -eq 1 ] || printf '%s\n' broker.session.timeout.ms=5000 broker.heartbeat.interval.ms=1000
}

up_kafka() {
  local folder=$LOCAL/kafka properties=$LOCAL/kafka/server.properties
  require_free_port Kafka "$KAFKA_PORT" MILLRACE_KAFKA_PORT
  require_free_port "Kafka's controller" "$KAFKA_CONTROLLER_PORT" MILLRACE_KAFKA_CONTROLLER_PORT
  install_kafka
  mkdir -p "$folder/data"
  { kafka_properties; kafka_tls_properties; } >"$properties"
  local accounts=()
  [ -z "${MILLRACE_TLS:-}" ] || accounts=(--add-scram 'SCRAM-SHA-256=[name=millrace,password=s=c;r"am]')
  if [ ! -f "$folder/data/meta.properties" ]; then
    java -Xmx128m -XX:TieredStopAtLevel=1 -cp "$KAFKA_JARS/lib/*" kafka.tools.StorageTool format \
      -t MkU3OEVBNTcwNTJENDM2Qk -c "$properties" "${accounts[@]}" </dev/null >"$LOCAL/kafka.log" 2>&1 9>&- ||
      die_with_log kafka "Kafka could not format its data folder"
  fi
  spawn kafka "$properties" java -Xms64m "-Xmx${MILLRACE_KAFKA_HEAP:-512m}" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
    -cp "$KAFKA_JARS/lib/*" kafka.Kafka "$properties"
  wait_ready kafka 120 kafka_is_ready
}

kafka_is_ready() { grep -q "Kafka Server started" "$LOCAL/kafka.log" && port_answers "$KAFKA_PORT"; }

down_kafka() { stop kafka TERM 30; }
