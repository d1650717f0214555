import { Random } from './random.ts';

/** What happens in a storm, and when. It follows from the seed and the length alone. */

export const PAGES = 3;
/** Sources of one kind that a page sends at once. Two of each at both ends still fit in a description of 32 KiB. */
const MOST_SOURCES = 2;

export type Kind = 'audio' | 'video';

/** `source` names a stream for its whole life; `content` is what can be recognised in it: a colour or a tone. */
export type Action =
  | { readonly do: 'add'; readonly kind: Kind; readonly source: number; readonly content: number }
  | { readonly do: 'remove'; readonly source: number }
  | { readonly do: 'replace'; readonly source: number; readonly content: number }
  /** The device is gone: its track ends before another one takes its place. */
  | { readonly do: 'changeDevice'; readonly source: number; readonly content: number }
  | { readonly do: 'leave' }
  | { readonly do: 'join' }
  | { readonly do: 'restartIce' }
  | { readonly do: 'resetSocket' }
  /** Signalling passes nothing for a while, in one direction or in both, and neither end is told. */
  | { readonly do: 'halfOpen'; readonly direction: 'up' | 'down' | 'both'; readonly ms: number };

export type Step = { readonly at: number; readonly page: number } & Action;

interface Participant {
  readonly sources: { readonly kind: Kind; readonly source: number }[];
  isInside: boolean;
  /** Until when its network is half open. */
  silentUntil: number;
}

export function scheduleOf(seed: number, seconds: number): readonly Step[] {
  const random = new Random(seed);
  const participants: Participant[] = Array.from({ length: PAGES }, () => ({
    sources: [],
    isInside: true,
    silentUntil: 0,
  }));
  const steps: Step[] = [];
  let sources = 0;
  let contents = 0;
  let at = 0;
  // The first moment: each participant begins to send something, on connections that had data channels alone.
  for (const [page, participant] of participants.entries())
    steps.push({ at, page, ...add(participant, kind()) });
  while (at < seconds * 1000) {
    const page = random.below(PAGES);
    const participant = participants[page] as Participant;
    const action = next(participant);
    if (action !== undefined) steps.push({ at, page, ...action });
    at += pause();
  }
  return steps;

  /** Many steps come in the same moment as others: faults of negotiation need that. */
  function pause(): number {
    return random.weighted([
      [0, 40],
      [random.below(200), 35],
      [200 + random.below(1200), 25],
    ]);
  }

  function kind(): Kind {
    return random.below(2) === 0 ? 'audio' : 'video';
  }

  function add(participant: Participant, kind: Kind): Action {
    const source = sources++;
    participant.sources.push({ kind, source });
    return { do: 'add', kind, source, content: contents++ };
  }

  function next(participant: Participant): Action | undefined {
    const what = random.weighted<Action['do']>([
      ['add', 40],
      ['remove', 30],
      ['replace', 8],
      ['changeDevice', 6],
      [participant.isInside ? 'leave' : 'join', participant.isInside ? 4 : 30],
      ['restartIce', 5],
      ['resetSocket', 4],
      ['halfOpen', 3],
    ]);
    switch (what) {
      case 'add': {
        const kind = random.weighted<Kind>([
          ['audio', 1],
          ['video', 1],
        ]);
        if (participant.sources.filter((each) => each.kind === kind).length === MOST_SOURCES)
          return undefined;
        const source = sources++;
        participant.sources.push({ kind, source });
        return { do: what, kind, source, content: contents++ };
      }
      case 'remove': {
        const [removed] = participant.sources.splice(random.below(participant.sources.length), 1);
        return removed && { do: what, source: removed.source };
      }
      case 'replace':
      case 'changeDevice': {
        const changed = participant.sources[random.below(participant.sources.length)];
        return changed && { do: what, source: changed.source, content: contents++ };
      }
      case 'leave':
      case 'join':
        participant.isInside = what === 'join';
        return { do: what };
      case 'halfOpen': {
        if (participant.silentUntil > at) return undefined;
        const ms = 500 + random.below(8000);
        participant.silentUntil = at + ms;
        return {
          do: what,
          direction: random.weighted([
            ['up', 1],
            ['down', 1],
            ['both', 1],
          ]),
          ms,
        };
      }
      default:
        return { do: what };
    }
  }
}
