/** Origins of pages, as ALLOWED_ORIGINS and FRAME_ANCESTORS name them. */

const WITH_SCHEME = /^([a-z][a-z\d+.-]*):\/\/(.*)$/;
const HOST_AND_PORT = /^[\w.-]+(?::\d+)?$/;
/** An origin never has one of these. */
const OTHER_SCHEMES: readonly string[] = ['ws', 'wss', 'ftp', 'blob', 'data', 'javascript', 'about'];

/**
 * Whether it is an item of ALLOWED_ORIGINS: an origin exactly as browsers send it, one with `*` for a part of a label
 * (https://*.preview.example.org), that of a packaged app (capacitor://localhost; app:// for every host), or `null`.
 */
export function isOriginPattern(item: string): boolean {
  if (item === 'null') return true;
  const [, scheme = '', rest = ''] = WITH_SCHEME.exec(item) ?? [];
  if (scheme === 'http' || scheme === 'https') return isWebOrigin(item, rest);
  return scheme !== '' && !OTHER_SCHEMES.includes(scheme) && (rest === '' || HOST_AND_PORT.test(rest));
}

function isWebOrigin(item: string, hostAndPort: string): boolean {
  if (!item.includes('*')) return URL.canParse(item) && new URL(item).origin === item;
  // `*` in the last two labels would admit pages of people who have nothing to do with each other.
  const labels = hostAndPort.split('.');
  if (labels.length < 3 || labels.slice(-2).some((label) => label.includes('*'))) return false;
  return !item.includes('**') && isWebOrigin(item.replaceAll('*', 'x'), '');
}

/** Whether an origin is one of those that the items name. */
export function originMatcher(items: readonly string[]): (origin: string) => boolean {
  const exact = new Set(items);
  const patterns = items.filter((item) => item.includes('*')).map(patternOf);
  const schemes = items.filter((item) => item.endsWith('://'));
  return (origin) =>
    exact.has(origin) ||
    patterns.some((pattern) => pattern.test(origin)) ||
    schemes.some((scheme) => origin.startsWith(scheme));
}

/** `*` stands for one or more characters of one label. */
function patternOf(item: string): RegExp {
  const parts = item.split('*').map((part) => part.replace(/[^\w]/g, '\\$&'));
  return new RegExp(`^${parts.join('[a-z\\d_-]+')}$`);
}

/** A source of a Content-Security-Policy. It has no form for an IPv6 address. */
const FRAME_ANCESTOR = /^(?:self|[a-z][a-z\d+.-]*:\/\/(?:\*\.)?[a-z\d-]+(?:\.[a-z\d-]+)*(?::\d+)?)$/;

/** Whether it is an item of FRAME_ANCESTORS. */
export function isFrameAncestor(item: string): boolean {
  return FRAME_ANCESTOR.test(item);
}
