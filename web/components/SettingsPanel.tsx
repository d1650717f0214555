import { useText } from '../i18n/language.tsx';
import { DeviceSettings } from './DeviceSettings.tsx';
import { LanguageSwitch } from './LanguageSwitch.tsx';
import { NameField } from './NameField.tsx';
import { Panel } from './Panel.tsx';

export function SettingsPanel({ close }: { close(): void }) {
  const { settings } = useText();
  return (
    <Panel heading={settings.heading} close={close}>
      <div className="panel-body">
        <NameField />
        <DeviceSettings />
        <LanguageSwitch />
      </div>
    </Panel>
  );
}
