import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { sharesOf } from '../../../bench/support/profile.ts';

test('busy time goes to packages, folders, node and V8; idle time to nobody', () => {
  const frames = [
    ['(root)', ''],
    ['(idle)', ''],
    ['(garbage collector)', ''],
    ['writev', ''],
    ['onread', 'node:net'],
    ['send', 'file:///home/x/node_modules/ws/lib/sender.js'],
    ['run', 'file:///home/x/node_modules/@a/b/c.js'],
    ['relay', 'file:///bench/x/src/room.ts'],
    ['end', 'file:///home/x/src/telemetry/spans/span.ts'],
  ];
  const profile = {
    nodes: frames.map(([functionName, url], id) => ({ id, callFrame: { functionName, url } })),
    samples: [1, 2, 3, 4, 5, 6, 7, 8, 8],
    timeDeltas: [1000, 10, 10, 10, 20, 10, 10, 10, 20],
  };
  const folder = mkdtempSync(join(tmpdir(), 'profile-'));
  try {
    const file = join(folder, 'x.cpuprofile');
    writeFileSync(file, JSON.stringify(profile));
    expect(Object.fromEntries(sharesOf(file))).toEqual({
      '(garbage collector)': 0.1,
      'native functions': 0.1,
      node: 0.1,
      ws: 0.2,
      '@a/b': 0.1,
      'src/room.ts': 0.1,
      'src/telemetry': 0.3,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
