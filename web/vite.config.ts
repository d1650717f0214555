import react from '@vitejs/plugin-react-swc';
import { defineConfig } from 'vite';

/** The call page. Built by scripts/build-web.ts, served with hot reload by scripts/dev.ts. */
export default defineConfig({
  root: import.meta.dirname,
  // Every address is relative to the document: the page works under any path.
  base: './',
  plugins: [react({ disableOxcRecommendation: true })],
  build: {
    // The oldest browsers that docs/call-page.md names.
    target: ['chrome111', 'edge111', 'firefox128', 'safari16.4', 'ios16.4'],
    // Every file is served under a policy that allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'licenses.md' },
    reportCompressedSize: false,
  },
});
