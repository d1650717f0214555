import type { Arrangement, Picture } from './layout.ts';
import type { Person } from './people.ts';

/** The key of a shared screen among the pictures of a call. */
export function screenKey({ key }: Pick<Person, 'key'>): string {
  return `${key} screen`;
}

/**
 * Which pictures are big. The one that was chosen comes first, then all shared screens. Of two people the other one is
 * big. Our own screen is not among the pictures: it would show itself.
 */
export function arrange(
  people: readonly Person[],
  chosen: string | undefined,
  ratios: ReadonlyMap<string, number>,
): Arrangement {
  const picture = (key: string): Picture => ({ key, ratio: ratios.get(key) });
  const screens = people.filter(({ isSelf, screen }) => !isSelf && screen !== undefined).map(screenKey);
  const faces = people.map(({ key }) => key);
  const all = [...screens, ...faces];
  const [other, ...further] = people.filter(({ isSelf }) => !isSelf).map(({ key }) => key);
  const isPair = screens.length === 0 && other !== undefined && further.length === 0;
  const big =
    chosen !== undefined && all.includes(chosen)
      ? [chosen]
      : screens.length > 0
        ? screens
        : isPair
          ? [other]
          : [];
  const others = all.filter((key) => !big.includes(key));
  return { big: big.map(picture), others: others.map(picture), isFloating: isPair };
}
