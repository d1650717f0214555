import { expect, test } from '@jest/globals';
import { InsecureError, troubleOf } from '../../../web/media/trouble.ts';

test.each([
  ['NotAllowedError', 'denied'],
  ['SecurityError', 'denied'],
  ['NotFoundError', 'missing'],
  ['OverconstrainedError', 'missing'],
  ['NotReadableError', 'busy'],
  ['AbortError', undefined],
  ['TypeError', 'failed'],
])('%s: %s', (name, trouble) => expect(troubleOf(new DOMException('', name))).toBe(trouble));

test('a page from plain http', () => expect(troubleOf(new InsecureError())).toBe('insecure'));
