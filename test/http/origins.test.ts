import { describe, expect, test } from '@jest/globals';
import { originMatcher } from '../../src/http/origins.ts';

describe('an origin is allowed', () => {
  test.each([
    ['https://a.example', 'https://a.example'],
    ['null', 'null'],
    ['capacitor://localhost', 'capacitor://localhost'],
    ['app://', 'app://'],
    ['app://', 'app://-'],
    ['file://', 'file://'],
    ['https://*.preview.example.org', 'https://pr-7.preview.example.org'],
    ['https://app-*-team.vercel.app', 'https://app-git-main-team.vercel.app'],
    ['https://*.*.example.org', 'https://a.b.example.org'],
    ['http://*.a.example:8080', 'http://x.a.example:8080'],
  ])('%s: %s', (item, origin) => expect(originMatcher(['https://other.example', item])(origin)).toBe(true));
});

describe('an origin is not allowed', () => {
  test.each([
    ['https://a.example', 'https://a.example.evil.example'],
    ['https://a.example', 'https://aXexample'],
    ['null', 'nullx'],
    ['app://a', 'app://b'],
    ['app://', 'https://app://'],
    ['app://', 'xapp://a'],
    ['https://*.preview.example.org', 'https://preview.example.org'],
    ['https://*.preview.example.org', 'https://.preview.example.org'],
    ['https://*.preview.example.org', 'https://a.b.preview.example.org'],
    ['https://*.preview.example.org', 'http://a.preview.example.org'],
    ['https://*.preview.example.org', 'https://a.preview.example.org:444'],
    ['https://*.preview.example.org', 'https://a.previewxexample.org'],
    ['https://*.preview.example.org', 'https://evil.example/a.preview.example.org'],
    ['https://*.preview.example.org', 'https://evil.example#.preview.example.org'],
    ['https://*.preview.example.org', 'https://a.preview.example.org.evil.example'],
    ['https://app-*-team.vercel.app', 'https://app--team.vercel.app'],
  ])('%s: %s', (item, origin) => expect(originMatcher([item])(origin)).toBe(false));
});
