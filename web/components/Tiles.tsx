import { useCallback, useLayoutEffect, useRef, useState } from 'react';
import { arrange } from '../call/arrange.ts';
import type { Call } from '../call/call.ts';
import { type Area, layOut } from '../call/layout.ts';
import type { Person } from '../call/people.ts';
import { ParticipantsList } from './ParticipantsList.tsx';
import type { Placing } from './placing.ts';
import { SharedScreens } from './SharedScreens.tsx';

/** Every picture of the call, each as large as the window allows. */
export function Tiles({ call, people }: { readonly call: Call; readonly people: readonly Person[] }) {
  const [tiles, area, gap] = useArea();
  const [chosen, setChosen] = useState<string>();
  const [ratios, setRatios] = useState<ReadonlyMap<string, number>>(new Map());
  const setRatio = useCallback((key: string, ratio: number) => {
    setRatios((ratios) => (ratios.get(key) === ratio ? ratios : new Map(ratios).set(key, ratio)));
  }, []);
  const places = layOut(arrange(people, chosen, ratios), area, gap);
  const placing: Placing = {
    style(key) {
      const { role, ...box } = places.get(key) ?? { role: 'tile' };
      return box;
    },
    role: (key) => places.get(key)?.role,
    canChoose: places.size > 1,
    isChosen: (key) => key === chosen,
    choose: (key) => setChosen(key === chosen ? undefined : key),
    setRatio,
  };
  return (
    <div ref={tiles} className="tiles">
      <SharedScreens people={people} placing={placing} />
      <ParticipantsList call={call} people={people} placing={placing} />
    </div>
  );
}

/** The space that an element takes, and the gap between the things in it. */
function useArea() {
  const element = useRef<HTMLDivElement>(null);
  const [area, setArea] = useState<Area>({ width: 0, height: 0 });
  const [gap, setGap] = useState(0);
  useLayoutEffect(() => {
    const { current } = element;
    if (current === null) return;
    const measure = (): void => {
      setArea({ width: current.clientWidth, height: current.clientHeight });
      setGap(Number.parseFloat(getComputedStyle(current).rowGap) || 0);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return [element, area, gap] as const;
}
