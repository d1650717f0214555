/**
 * Hands what the WebSocket says to Stately's inspector in the frame, as @statelyai/inspect's own server does.
 * Events wait until the frame says that it listens, and go to no other origin than the frame's.
 */

const INSPECTOR = 'https://stately.ai/inspect';
const PATIENCE_MS = 10_000;
const RETRY_MS = 2000;
const MAX_WAITING = 5000;

const frame = document.getElementById('inspector');
const problem = document.getElementById('problem');
const waiting = [];
let origin;

addEventListener('message', (event) => {
  if (event.source !== frame.contentWindow || event.data?.type !== '@statelyai.connected') return;
  if (!/^https:\/\/([\w-]+\.)*stately\.ai$/.test(event.origin)) return;
  origin = event.origin;
  say('');
  for (const data of waiting.splice(0)) frame.contentWindow.postMessage(data, origin);
});

// Only now, since it says but once that it listens.
frame.src = INSPECTOR;

setTimeout(() => {
  if (origin === undefined)
    say('stately.ai does not answer. Without the internet, use Bloom’s own inspector.');
}, PATIENCE_MS);

connect();

function connect() {
  const url = new URL('/ws', location.href);
  url.protocol = 'ws:';
  const socket = new WebSocket(url);
  socket.addEventListener('open', () => say(''));
  socket.addEventListener('message', ({ data }) => {
    const event = JSON.parse(data);
    if (origin !== undefined) frame.contentWindow.postMessage(event, origin);
    else if (waiting.push(event) > MAX_WAITING) waiting.shift();
  });
  socket.addEventListener('close', () => {
    say('The connection to Bloom is lost. Trying again…');
    setTimeout(connect, RETRY_MS);
  });
}

function say(text) {
  problem.textContent = text;
  problem.hidden = text === '';
}
