# shellcheck shell=bash
# TLS of the servers, for the `servers` script beside this file, which sources it: with MILLRACE_TLS, a folder of PEM
# files. Plain connections stay possible, for those who only look.
#
# PostgreSQL: the role `certified` must show a certificate of ca.pem, `scram` a password, over TLS both.
# Kafka: three more listeners. TLS: a client certificate is a must. SASL: PLAIN and SCRAM-SHA-256 over TLS, the user
# `millrace`. EXPIRED: as TLS, with an expired certificate and no client certificate.

mysql_tls_options() {
  [ -n "${MILLRACE_TLS:-}" ] || return 0
  printf -- '--ssl-ca=%s\n--ssl-cert=%s\n--ssl-key=%s\n' "$MILLRACE_TLS"/{ca,server,server-key}.pem
}

# PostgreSQL wants to own its key, and nobody else to read it. The settings are in its file, so that ALTER SYSTEM counts.
postgres_tls() {
  local file
  for file in "$MILLRACE_TLS"/{ca,server,server-key,expired,expired-key}.pem; do
    install -m 600 "$file" "$POSTGRES_DATA/${file##*/}"
    if is_root; then chown --reference="$POSTGRES_DATA" "$POSTGRES_DATA/${file##*/}"; fi
  done
  cat >"$POSTGRES_DATA/tls_hba.conf" <<RULES
hostssl all certified 127.0.0.1/32 cert
hostnossl all certified 127.0.0.1/32 reject
hostssl all scram 127.0.0.1/32 scram-sha-256
hostnossl all scram 127.0.0.1/32 reject
host all all 127.0.0.1/32 trust
RULES
  if is_root; then chown --reference="$POSTGRES_DATA" "$POSTGRES_DATA/tls_hba.conf"; fi
  cat >>"$POSTGRES_DATA/postgresql.conf" <<SETTINGS
ssl = on
ssl_ca_file = 'ca.pem'
ssl_cert_file = 'server.pem'
ssl_key_file = 'server-key.pem'
hba_file = '$POSTGRES_DATA/tls_hba.conf'
SETTINGS
}

kafka_tls_properties() {
  [ -n "${MILLRACE_TLS:-}" ] || return 0
  local login=org.apache.kafka.common.security
  cat <<PROPERTIES
listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT,CONTROLLER://127.0.0.1:$KAFKA_CONTROLLER_PORT,TLS://127.0.0.1:$KAFKA_TLS_PORT,SASL://127.0.0.1:$KAFKA_SASL_PORT,EXPIRED://127.0.0.1:$KAFKA_EXPIRED_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT,TLS://localhost:$KAFKA_TLS_PORT,SASL://localhost:$KAFKA_SASL_PORT,EXPIRED://localhost:$KAFKA_EXPIRED_PORT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,SASL:SASL_SSL,EXPIRED:SSL
inter.broker.listener.name=PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location=$MILLRACE_TLS/kafka.pem
ssl.truststore.type=PEM
ssl.truststore.location=$MILLRACE_TLS/ca.pem
listener.name.tls.ssl.client.auth=required
listener.name.expired.ssl.keystore.type=PEM
listener.name.expired.ssl.keystore.location=$MILLRACE_TLS/expired-kafka.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.sasl.plain.sasl.jaas.config=$login.plain.PlainLoginModule required user_millrace="p=l;a in";
listener.name.sasl.scram-sha-256.sasl.jaas.config=$login.scram.ScramLoginModule required;
PROPERTIES
}
