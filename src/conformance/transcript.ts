/**
 * A transcript is a call written down, one step a line; docs/protocol.md shows examples in it, and each check of
 * the suite is one. Whoever is named connects with the first line that names it.
 *
 *     Alice → {"type":"CreateRoom"}          sends this text frame; `×20` after it: so many; `×20 at once`: unpaced
 *     Alice ← {"type":"RoomCreated", …}      the next message it hears is this one
 *     Alice ← nothing                        it has heard nothing else, once the server has handled all it sent
 *     Alice ← whatever                       what it has heard by then is of no interest
 *     Alice ← close 1003                     the server closes its socket
 *     Alice closes with 1000                 closes its socket; without `with`: and gives no code
 *     Alice breaks off                       loses its socket, with no close frame
 *     Alice connects                         opens a socket, the first or another
 *     Alice sends a binary frame
 *     Alice sends text that is not UTF-8
 *     wait 60000 ms
 *     GET /ws ← 426 Upgrade: websocket       an HTTP request and its answer
 *     UPGRADE /nothing ← 404                 a WebSocket handshake that is refused
 *
 * bindings.ts says what ROOM, ALICE and … in a message stand for.
 */

export type Step = { readonly line: string } & (
  | {
      readonly kind: 'send';
      readonly who: string;
      readonly text: string;
      readonly times: number;
      readonly atOnce: boolean;
    }
  | { readonly kind: 'hear'; readonly who: string; readonly message: unknown; readonly times: number }
  | { readonly kind: 'hearNothing' | 'hearWhatever' | 'breakOff' | 'connect'; readonly who: string }
  | { readonly kind: 'sendBinary' | 'sendBrokenText'; readonly who: string }
  | { readonly kind: 'beClosed'; readonly who: string; readonly code: number }
  | { readonly kind: 'close'; readonly who: string; readonly code: number | undefined }
  | { readonly kind: 'wait'; readonly ms: number }
  | {
      readonly kind: 'request' | 'upgrade';
      readonly path: string;
      readonly status: number;
      readonly header: readonly [name: string, value: string] | undefined;
    }
);

const HTTP = /^(?<method>GET|UPGRADE) (?<path>\S+) ← (?<status>\d{3})(?: (?<name>[\w-]+): (?<value>.+))?$/;
const WAIT = /^wait (?<ms>\d+) ms$/;
const ARROW = /^(?<who>\w+)\s*(?<arrow>[→←]) ?(?<what>.*?)(?: ×(?<times>\d+)(?<atOnce> at once)?)?$/s;
const DEED = /^(?<who>\w+) (?:closes(?: with (?<code>\d+))?|(?<deed>breaks off|connects|sends .+))$/;

const DEEDS = {
  'breaks off': 'breakOff',
  connects: 'connect',
  'sends a binary frame': 'sendBinary',
  'sends text that is not UTF-8': 'sendBrokenText',
} as const;

/** Throws an Error that names the line when one cannot be read. */
export function parseTranscript(text: string): Step[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(parseLine);
}

function parseLine(line: string): Step {
  const { method, path = '', status, name, value } = HTTP.exec(line)?.groups ?? {};
  if (method !== undefined) {
    const header = name === undefined || value === undefined ? undefined : ([name, value] as const);
    return { line, kind: method === 'GET' ? 'request' : 'upgrade', path, status: Number(status), header };
  }
  const { ms } = WAIT.exec(line)?.groups ?? {};
  if (ms !== undefined) return { line, kind: 'wait', ms: Number(ms) };
  const deed = DEED.exec(line)?.groups;
  if (deed !== undefined) return parseDeed(line, deed);
  return parseArrow(line);
}

function parseDeed(line: string, { who = '', deed, code }: Partial<Record<string, string>>): Step {
  if (deed === undefined)
    return { line, kind: 'close', who, code: code === undefined ? undefined : Number(code) };
  if (Object.hasOwn(DEEDS, deed)) return { line, kind: DEEDS[deed as keyof typeof DEEDS], who };
  throw new Error(`This line is not a step of a transcript: ${line}`);
}

function parseArrow(line: string): Step {
  const { who, arrow, what = '', times = '1', atOnce } = ARROW.exec(line)?.groups ?? {};
  if (who === undefined) throw new Error(`This line is not a step of a transcript: ${line}`);
  const often = Number(times);
  if (arrow === '→')
    return { line, kind: 'send', who, text: what, times: often, atOnce: atOnce !== undefined };
  if (what === 'nothing') return { line, kind: 'hearNothing', who };
  if (what === 'whatever') return { line, kind: 'hearWhatever', who };
  const { code } = /^close (?<code>\d{4})$/.exec(what)?.groups ?? {};
  if (code !== undefined) return { line, kind: 'beClosed', who, code: Number(code) };
  try {
    return { line, kind: 'hear', who, message: JSON.parse(what), times: often };
  } catch {
    throw new Error(`What is heard has to be JSON, "nothing", "whatever", or "close" and a code: ${line}`);
  }
}
