import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { WebSocket } from 'ws';
import { CheckFailed } from './participant.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Sends a GET for another path to the WebSocket's host. Throws CheckFailed when no answer comes in time. */
export function get(url: URL, patienceMs: number): Promise<Answer> {
  const isSecure = url.protocol === 'wss:';
  const address = new URL(url);
  address.protocol = isSecure ? 'https:' : 'http:';
  return new Promise((resolve, reject) => {
    const request = (isSecure ? requestHttps : requestHttp)(
      address,
      { agent: false, signal: AbortSignal.timeout(patienceMs) },
      (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, headers: response.headers });
      },
    );
    request.on('error', (error) => reject(new CheckFailed(`no answer: ${error.message}`)));
    request.end();
  });
}

/** Tries a WebSocket handshake. The status is 101 when the server accepts it. */
export function upgrade(url: URL, patienceMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { handshakeTimeout: patienceMs });
    const answer = (status: number, headers: Answer['headers']) => {
      resolve({ status, headers });
      socket.terminate();
    };
    socket.on('open', () => answer(101, {}));
    socket.on('unexpected-response', (_, response) => answer(response.statusCode ?? 0, response.headers));
    socket.on('error', (error) => reject(new CheckFailed(`no answer: ${error.message}`)));
  });
}
