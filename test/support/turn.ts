import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { until } from './wait.ts';

/** coturn on a port of 127.0.0.1, which admits one user. */
export interface TurnServer {
  readonly port: number;
  /** The entry of ICE_SERVERS for its user. */
  readonly iceServer: { readonly urls: string; readonly username: string; readonly credential: string };
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const USER = 'bloom';

/** coturn that takes time-limited credentials by a shared secret. */
export interface TurnWithSecret {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

export async function startTurn(credential: string, port?: number): Promise<TurnServer> {
  const { stop, ...server } = await start(['--lt-cred-mech', `--user=${USER}:${credential}`], port);
  return { port: server.port, iceServer: { urls: server.url, username: USER, credential }, stop };
}

/** `userQuota`: allocations of one user at a time. */
export function startTurnWithSecret(secret: string, { userQuota = 0 } = {}): Promise<TurnWithSecret> {
  return start(['--use-auth-secret', `--static-auth-secret=${secret}`, `--user-quota=${userQuota}`]);
}

async function start(options: readonly string[], port?: number): Promise<TurnWithSecret> {
  const listeningPort = port ?? (await freePort());
  const child = spawn(
    'turnserver',
    [
      ...['-n', '--no-cli', '--no-tls', '--no-dtls', '--allow-loopback-peers', ...options],
      ...[`--listening-ip=${HOST}`, `--listening-port=${listeningPort}`, `--relay-ip=${HOST}`],
      ...['--realm=bloom.test', '--log-file=stdout', '--pidfile=/dev/null'],
    ],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  await until('coturn answers', () => answers(listeningPort), 30_000);
  return {
    port: listeningPort,
    url: `turn:${HOST}:${listeningPort}?transport=udp`,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, HOST);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Whether a STUN binding request (RFC 8489 section 5) is answered within a moment. */
async function answers(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const request = Buffer.alloc(20);
  request.writeUInt16BE(1, 0);
  request.writeUInt32BE(0x2112a442, 4);
  try {
    return await new Promise((resolve) => {
      socket.on('message', () => resolve(true));
      socket.on('error', () => resolve(false));
      setTimeout(() => resolve(false), 200);
      socket.send(request, port, HOST);
    });
  } finally {
    socket.close();
  }
}
