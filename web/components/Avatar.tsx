import { UserRound } from 'lucide-react';
import { initialsOf } from '../call/initials.ts';

/** Somebody without a picture. Its colour is that of the nearest `data-hue`. */
export function Avatar({ name }: { readonly name: string }) {
  return (
    <span className="avatar" aria-hidden="true">
      {initialsOf(name) || <UserRound />}
    </span>
  );
}
