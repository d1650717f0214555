import { X } from 'lucide-react';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { useText } from '../i18n/language.tsx';

export type PanelName = 'chat' | 'connection' | 'settings';

/** What stands beside the call, or over it on a phone. Escape closes it. */
export function Panel({
  heading,
  close,
  children,
}: {
  readonly heading: string;
  close(): void;
  readonly children: ReactNode;
}) {
  const { panel } = useText();
  const id = useId();
  const aside = useRef<HTMLElement>(null);
  // The button that opened it, before anything inside takes the focus.
  const [opener] = useState(() => document.activeElement);
  useEffect(() => {
    if (!aside.current?.contains(document.activeElement)) aside.current?.focus();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, [opener]);
  return (
    <aside
      ref={aside}
      className="panel"
      aria-labelledby={id}
      tabIndex={-1}
      onKeyDown={({ key, nativeEvent }) => key === 'Escape' && !nativeEvent.isComposing && close()}
    >
      <div className="panel-head">
        <h2 id={id}>{heading}</h2>
        <button type="button" className="button icon quiet" onClick={close}>
          <X aria-hidden="true" />
          <span className="hidden">{panel.close}</span>
        </button>
      </div>
      {children}
    </aside>
  );
}
