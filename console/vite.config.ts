import { defineConfig } from 'vite'

/** The console's page and its assets, whose names hold the hash of what is in them, go to `dist/console`. */
export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/console',
    emptyOutDir: true,
    target: 'es2022',
    // A file as a `data:` URL could not be cached, and the page's policy allows it for images only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})
