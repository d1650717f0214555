import type { CallPage } from './pages.ts';

/** Waits until nothing is left to negotiate. */
export async function settled(call: readonly CallPage[]): Promise<void> {
  await Promise.all(
    call.map((page) =>
      page.until(({ call }) =>
        call.peers().every(({ actor, connection }) => {
          const { value, context } = actor.getSnapshot();
          const isStable = value !== 'closed' && value.open.descriptions === 'stable' && !context.isDue;
          return isStable && connection.signalingState === 'stable';
        }),
      ),
    ),
  );
}

/** Waits until so many tracks arrive from another participant. */
export function receive(page: CallPage, from: CallPage, count: number): Promise<void> {
  return page.until(({ call }, [id, count]) => call.streams()[id]?.length === count, [
    from.id,
    count,
  ] as const);
}

interface Sizes {
  /** The bytes of each participant's largest offer. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Everybody turns a camera and a screen off and on, so often. */
export async function toggleAll(call: readonly CallPage[], times: number): Promise<Sizes> {
  const all = <T>(body: Parameters<CallPage['run']>[0]) =>
    Promise.all(call.map((page) => page.run(body))) as Promise<T[]>;
  const everybodyReceivesAll = async () => {
    for (const page of call) for (const other of call) if (other !== page) await receive(page, other, 2);
    await settled(call);
  };
  await all(({ call }) => {
    call.show('camera');
    call.show('screen');
  });
  await everybodyReceivesAll();
  const before = await all<number>(({ call }) => call.largest());
  for (let i = 0; i < times; i += 1) {
    // What goes off last comes on first, so that each takes the place of the other.
    await all(({ call }) => {
      call.hide('camera');
      call.hide('screen');
    });
    if (i % 2 === 0) await settled(call);
    await all(({ call }) => {
      call.show('screen');
      call.show('camera');
    });
    if (i % 5 === 0) await settled(call);
  }
  await everybodyReceivesAll();
  return { before, after: await all<number>(({ call }) => call.largest()) };
}
