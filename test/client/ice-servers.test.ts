import { expect, test } from '@jest/globals';
import { withIceServers } from '../../src/client/ice-servers.ts';

/** A platform that takes no `bad:` URL. */
function platform() {
  const made: RTCIceServer[][] = [];
  const discarded: RTCIceServer[][] = [];
  const refused: string[] = [];
  return {
    made,
    discarded,
    refused,
    run: (servers: RTCIceServer[]) =>
      withIceServers(
        servers,
        (each) => {
          if (each.flatMap(({ urls }) => urls).some((url) => url.startsWith('bad:'))) {
            throw new SyntaxError('no ICE server');
          }
          made.push(each);
          return each;
        },
        (each) => discarded.push(each),
        ({ message }) => refused.push(message),
      ),
  };
}

test('servers that the platform takes are given to it as they are, in one go', () => {
  const servers = [{ urls: ['stun:a', 'stun:b'] }, { urls: 'turn:c', username: 'u', credential: 'p' }];
  const { run, made, refused } = platform();
  expect(run(servers)).toEqual(servers);
  expect([made, refused]).toEqual([[servers], []]);
});

test('a URL that it refuses is left out and told, and the others of its entry stay', () => {
  const { run, discarded, refused } = platform();
  expect(
    run([
      { urls: ['stun:a', 'bad:b'] },
      { urls: 'turn:c', username: 'u', credential: 'p' },
      { urls: 'bad:d' },
    ]),
  ).toEqual([{ urls: 'stun:a' }, { urls: 'turn:c', username: 'u', credential: 'p' }]);
  expect(discarded).toHaveLength(2);
  expect(refused).toEqual([
    'The ICE server bad:b is left out: no ICE server',
    'The ICE server bad:d is left out: no ICE server',
  ]);
});

test('with servers that are all refused there are none', () => {
  expect(platform().run([{ urls: 'bad:a' }])).toEqual([]);
});

test('a platform that refuses something else throws what it throws', () => {
  const broken = () => {
    throw new TypeError('not the servers');
  };
  const ignore = () => {};
  expect(() => withIceServers([], broken, ignore, ignore)).toThrow('not the servers');
});
