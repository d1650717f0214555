import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';

/** A round button of the controls: an icon, and its name beneath where there is room for it. */
export function ControlButton({
  icon: Icon,
  label,
  short = label,
  tone = 'plain',
  isExpanded,
  isDisabled = false,
  badge,
  onClick,
}: {
  readonly icon: LucideIcon;
  /** The accessible name. */
  readonly label: string;
  /** What is written beneath. */
  readonly short?: string;
  /** off: what it controls is off. on: something is going on. leave: ends the call. */
  readonly tone?: 'plain' | 'off' | 'on' | 'leave';
  /** Of buttons that open a panel. */
  readonly isExpanded?: boolean;
  /** It keeps the focus all the same, which a `disabled` button loses. */
  readonly isDisabled?: boolean;
  readonly badge?: ReactNode;
  onClick(): void;
}) {
  return (
    <button
      type="button"
      className={`control control-${tone}`}
      aria-label={label}
      aria-expanded={isExpanded}
      aria-disabled={isDisabled}
      onClick={() => !isDisabled && onClick()}
    >
      <span className="control-icon">
        <Icon aria-hidden="true" />
        {badge}
      </span>
      <span className="control-text" aria-hidden="true">
        {short}
      </span>
    </button>
  );
}
