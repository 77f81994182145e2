import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../test/support/ports.ts'
import { startProgram, untilListening } from '../../test/support/program.ts'
import { onPath } from '../../test/support/sample-runtimes.ts'
import type { Contender, Running } from './contenders.ts'
import { MESSAGE, topicsOf, type Wire } from './wire.ts'

const PEERS = 'bench/peers/fanout'
const MODULES = `${PEERS}/node_modules`
/** As long as ours, so that the effect of gathering is not what is compared. */
const TICK_MS = 10
const NGINX_MODULES = ['/usr/lib/nginx/modules', '/usr/lib64/nginx/modules', '/usr/local/lib/nginx/modules']
const NCHAN = 'ngx_nchan_module.so'

/** Four letters of the topic, then the message. */
const OWN_WIRE: Wire = { paths: ['/%s'], publisherPath: '/publisher', publish: `%s${MESSAGE}` }

export const PEERS_BY_KEY: Record<string, Contender> = {
  uws: node('uWebSockets.js alone', 'bare-uws.js', ['0'], OWN_WIRE),
  'uws-tick': node(`uWebSockets.js alone, ${TICK_MS} ms tick`, 'bare-uws.js', [`${TICK_MS}`], OWN_WIRE),
  bun: bun('Bun', ['0']),
  'bun-tick': bun(`Bun, ${TICK_MS} ms tick`, [`${TICK_MS}`]),
  ws: node('ws', 'ws-server.js', [], OWN_WIRE, 'ws'),
  'socket.io': node(
    'Socket.IO',
    'socket-io-server.js',
    [],
    {
      paths: ['/socket.io/?EIO=4&transport=websocket&topic=%s'],
      hello: '40',
      ready: '40{',
      ping: '2',
      pong: '3',
      publisherPath: '/socket.io/?EIO=4&transport=websocket',
      publisherHellos: ['40'],
      publish: `42["publish","%s",${MESSAGE}]`,
    },
    'socket.io',
  ),
  soketi: soketi(),
  nchan: nchan(),
  nats: nats(),
}

function node(name: string, file: string, args: readonly string[], wire: Wire, needs?: string): Contender {
  return {
    name,
    missing: () => (needs === undefined ? null : missingPackage(needs)),
    start: () => startPeer(process.execPath, (port) => [`${PEERS}/${file}`, String(port), ...args], wire),
  }
}

function bun(name: string, args: readonly string[]): Contender {
  return {
    name,
    missing: () => (bunPath() === undefined ? 'its package has no program for this machine' : null),
    start: () => startPeer(bunPath() ?? '', (port) => [`${PEERS}/bun-server.js`, String(port), ...args], OWN_WIRE),
  }
}

/** The program itself; what the package `bun` puts in its place needs an install script. */
function bunPath(): string | undefined {
  const directory = `${MODULES}/@oven`
  const names = existsSync(directory) ? readdirSync(directory) : []
  return names.map((name) => `${directory}/${name}/bin/bun`).find((path) => existsSync(path))
}

/** Published as a client event: through its HTTP API each message would be a signed request. */
function soketi(): Contender {
  const path = '/app/key?protocol=7'
  const wire: Wire = {
    paths: [path],
    hello: subscribeTo('%s'),
    ready: 'subscription_succeeded',
    publisherPath: path,
    publisherHellos: topicsOf(100).map(subscribeTo),
    publish: `{"event":"client-m","channel":"%s","data":${MESSAGE}}`,
  }
  return {
    name: 'Soketi',
    missing: () => missingPackage('@soketi/soketi'),
    async start() {
      const env = {
        ...process.env,
        SOKETI_HOST: '127.0.0.1',
        SOKETI_METRICS_SERVER_PORT: String(await freePort()),
        SOKETI_DEFAULT_APP_KEY: 'key',
        SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES: 'true',
      }
      const port = await freePort()
      const args = [`${MODULES}/@soketi/soketi/bin/server.js`, 'start']
      return startOn(port, process.execPath, args, wire, { ...env, SOKETI_PORT: String(port) })
    },
  }

  function subscribeTo(channel: string): string {
    return JSON.stringify({ event: 'pusher:subscribe', data: { channel } })
  }
}

/** Published by HTTP requests on one connection; it keeps as many messages of a channel as ours of a stream. */
function nchan(): Contender {
  const [modules] = NGINX_MODULES.filter((directory) => existsSync(join(directory, NCHAN)))
  const head = `POST /publish/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${lengthOf(MESSAGE)}\r\n\r\n`
  return {
    name: 'Nchan (nginx)',
    missing: () =>
      nginx() === undefined || modules === undefined ? 'nginx with the module nchan is not installed' : null,
    async start() {
      const port = await freePort()
      const directory = await configure('nginx.conf', nchanConfig(port, join(modules ?? '', NCHAN)))
      const args = ['-e', 'stderr', '-p', directory, '-c', join(directory, 'nginx.conf')]
      const running = await startOn(port, nginx() ?? '', args, { paths: ['/%s'], publish: head + MESSAGE })
      return withDirectory(running, directory)
    },
  }

  function nginx(): string | undefined {
    return onPath('nginx') ?? ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].find((path) => existsSync(path))
  }
}

function nchanConfig(port: number, module: string): string {
  return `load_module ${module};
daemon off; master_process off; pid nginx.pid; error_log stderr error;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    listen 127.0.0.1:${port};
    location ~ ^/publish/(\\w+)$ { nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 1000; }
    location ~ ^/(\\w+)$ { nchan_subscriber websocket; nchan_channel_id $1; nchan_subscriber_first_message newest; }
  }
}`
}

function nats(): Contender {
  const greeting = 'CONNECT {"verbose":false,"pedantic":false}\r\n'
  const wire: Wire = {
    paths: ['/'],
    hello: `${greeting}SUB bench.%s 1\r\nPING\r\n`,
    ready: 'PONG',
    binary: true,
    publisherPath: '/',
    publisherHellos: [greeting],
    publish: `PUB bench.%s ${lengthOf(MESSAGE)}\r\n${MESSAGE}\r\n`,
  }
  return {
    name: 'nats-server',
    missing: () => (server() === undefined ? 'nats-server is not installed' : null),
    async start() {
      const [port, clients] = [await freePort(), await freePort()]
      const config = `listen: "127.0.0.1:${clients}"\nwebsocket { listen: "127.0.0.1:${port}", no_tls: true }\n`
      const directory = await configure('nats.conf', config)
      const running = await startOn(port, server() ?? '', ['-c', join(directory, 'nats.conf')], wire)
      return withDirectory(running, directory)
    },
  }

  function server(): string | undefined {
    return onPath('nats-server') ?? ['/usr/sbin/nats-server'].find((path) => existsSync(path))
  }
}

async function startPeer(command: string, args: (port: number) => string[], wire: Wire): Promise<Running> {
  const port = await freePort()
  return startOn(port, command, args(port), wire)
}

async function startOn(
  port: number,
  command: string,
  args: readonly string[],
  wire: Wire,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Running> {
  const program = startProgram(command, args, { env })
  await untilListening(port, program)
  return { ports: [port], pids: [program.pid], wire, stop: () => program.kill('SIGKILL') }
}

async function configure(name: string, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ara-fanout-'))
  await writeFile(join(directory, name), text)
  return directory
}

function withDirectory(running: Running, directory: string): Running {
  return {
    ...running,
    async stop() {
      await running.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function missingPackage(name: string): string | null {
  return existsSync(`${MODULES}/${name}`) ? null : `npm ci in ${PEERS} did not install it`
}

function lengthOf(message: string): number {
  return message.replace('%s', 'T000').length
}
