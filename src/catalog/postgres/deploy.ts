/** Postgres as a container: one primary that takes writes, and copies of it that follow and only read. */
import type { Container, Deployment } from '../container.ts'
import { gibibyte, mebibyte, resources } from '../resources.ts'
import { secretNames, secretPath } from '../secrets.ts'

/** Newest minor release of 18 in August 2026. */
const image = 'postgres:18.6'

const port = 5432
const database = 'ragscale'
const replicationUser = 'replication'

export function primaryContainer(about: Deployment): Container {
  return {
    ...container(about),
    args: ['postgres', ...settings(about)],
    env: { POSTGRES_USER: database, POSTGRES_DB: database },
    // Sourced once, when the data directory is made: `file_env` of the entrypoint has the password by then.
    files: [{ path: '/docker-entrypoint-initdb.d/10-replication.sh', text: initReplication }],
  }
}

export function replicaContainer(about: Deployment): Container {
  const [host, hostPort] = splitLast(about.addresses.host('metadata', port), ':')
  return {
    ...container(about),
    command: ['/bin/bash', '-c', follow(host, hostPort)],
    args: ['postgres', ...settings(about)],
    env: {},
  }
}

const memoryBytes = gibibyte

function container({ stack }: Deployment): Container {
  const { image: ownImage, resources: override } = stack.support.metadata ?? {}
  return {
    image:
      ownImage === undefined
        ? { reference: image, because: 'the official image, newest stable major version' }
        : { reference: ownImage, because: 'as ragscale.yaml says' },
    env: {},
    secrets: [{ name: secretNames.postgresPassword, fileEnv: 'POSTGRES_PASSWORD_FILE' }],
    ports: { postgres: port },
    mounts: [
      // Since 18 the data is in a folder of its version below this one.
      { name: 'metadata-data', path: '/var/lib/postgresql', kind: 'own', sizeBytes: 10 * gibibyte },
      { name: 'metadata-run', path: '/var/run/postgresql', kind: 'memory', sizeBytes: null },
    ],
    files: [],
    health: {
      http: null,
      // Over TCP: while the data directory is made a server answers on the socket only.
      command: ['pg_isready', '--host', '127.0.0.1', '--username', database, '--dbname', database],
      livePath: null,
      // The first copy of the primary, or the replay of a log after a crash.
      startupSeconds: 600,
      intervalSeconds: 5,
      timeoutSeconds: 3,
      failures: 6,
    },
    resources: resources(
      {
        cpus: 0.5,
        memoryBytes,
        because: 'sources and hashes of documents: small rows, by key; a quarter of it are shared buffers',
      },
      override,
    ),
    gpus: 0,
    // Workers of one parallel query share memory through /dev/shm; the engine's 64 MB are too few for hash joins.
    sharedMemoryBytes: 256 * mebibyte,
    stop: { graceSeconds: 60, preStopSeconds: 0 },
    root: false,
    // `postgres` in the image, which starts as root only to become it.
    user: '999:999',
    readOnly: true,
  }
}

function settings({ stack }: Deployment): string[] {
  const memory = stack.support.metadata?.resources?.memoryBytes ?? memoryBytes
  const values = {
    shared_buffers: `${Math.floor(memory / 4 / mebibyte)}MB`,
    effective_cache_size: `${Math.floor(memory / 2 / mebibyte)}MB`,
    // What a copy that was away can still catch up with. Slots would keep it for ever, and fill the primary's disk.
    wal_keep_size: '2GB',
    hot_standby: 'on',
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** Not executable, so that the entrypoint sources it; `host all all all` does not let in replication. */
const initReplication = `# Lets read replicas follow: a user of their own, and the line of pg_hba.conf that lets it in.
psql --set ON_ERROR_STOP=1 --set password="$POSTGRES_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE ${replicationUser} LOGIN REPLICATION PASSWORD :'password';
SQL
echo 'host replication ${replicationUser} all scram-sha-256' >> "$PGDATA/pg_hba.conf"
`

/**
 * The first start copies the primary (pg_basebackup, which writes what to follow into the copy); a copy that was cut
 * off is begun again. The password is written anew at every start, to memory only.
 */
function follow(host: string, hostPort: string): string {
  return [
    'set -eu',
    'umask 077',
    `printf '*:*:*:${replicationUser}:%s\\n' "$(sed 's/[:\\\\]/\\\\&/g' ${secretPath(secretNames.postgresPassword)})" > /tmp/pgpass`,
    'if [ ! -s "$PGDATA/copied" ]; then',
    '  mkdir -p "$PGDATA"',
    // Of a volume that the engine made, anybody may read the folder, and Postgres refuses that.
    '  chmod 0700 "$PGDATA"',
    '  find "$PGDATA" -mindepth 1 -delete',
    `  pg_basebackup --dbname "host=${host} port=${hostPort} user=${replicationUser} passfile=/tmp/pgpass" --pgdata "$PGDATA" --write-recovery-conf --wal-method stream --checkpoint fast`,
    '  date > "$PGDATA/copied"',
    'fi',
    'exec "$0" "$@"',
  ].join('\n')
}

function splitLast(text: string, at: string): [string, string] {
  const index = text.lastIndexOf(at)
  return [text.slice(0, index), text.slice(index + 1)]
}
