import type { Check } from '../check.ts';

export const HTTP: readonly Check[] = [
  { name: 'another path is answered 404', section: 'HTTP', steps: 'GET /no-such-path ← 404' },
  {
    name: 'the WebSocket’s path without an upgrade is answered 426 with Upgrade: websocket',
    section: 'HTTP',
    steps: 'GET /ws ← 426 Upgrade: websocket',
  },
  {
    name: 'a handshake on another path is answered 404',
    section: 'HTTP',
    steps: 'UPGRADE /no-such-path ← 404',
  },
];
