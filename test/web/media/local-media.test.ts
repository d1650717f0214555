import { expect, test } from '@jest/globals';
import { canShareScreen } from '../../../web/media/local-media.ts';

const mediaDevices = { getDisplayMedia: () => new Promise<MediaStream>(() => {}) };
const DESKTOP =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';
const PHONE =
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36';

test('a screen is shared where the browser can', () => {
  expect(canShareScreen({ mediaDevices, userAgent: DESKTOP })).toBe(true);
  expect(canShareScreen({ mediaDevices, userAgent: PHONE })).toBe(false);
  expect(canShareScreen({ mediaDevices: {}, userAgent: DESKTOP })).toBe(false);
  expect(canShareScreen({ userAgent: DESKTOP })).toBe(false);
});
