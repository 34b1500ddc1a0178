import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';

const root = new URL('../../', import.meta.url);

/** Returns a link with the title of the document. */
function linkTo(file) {
  const [, text = file] = /^# (.*)$/m.exec(readFileSync(new URL(file, root), 'utf8')) ?? [];
  return { text, link: `/${file.replace(/\.md$/, '')}` };
}

const group = (text, ...names) => ({ text, items: names.map((name) => linkTo(`docs/${name}.md`)) });
const decisions = readdirSync(new URL('docs/adr/', root))
  .filter((name) => name.endsWith('.md'))
  .sort();

/** The documents lie outside of this folder, where its packages are not found. */
const packagesOfSite = {
  name: 'packages-of-site',
  enforce: 'pre',
  resolveId(source, importer, options) {
    const isWanted = /^vue(?:\/|$)/.test(source) && importer?.endsWith('.md');
    return isWanted ? this.resolve(source, fileURLToPath(import.meta.url), { ...options, skipSelf: true }) : undefined;
  },
};

/** The documents of this repository as a site: the same files, no copies. */
export default defineConfig({
  title: 'berth',
  description: 'A registry for container images',
  srcDir: '..',
  srcExclude: ['**/node_modules/**', '**/.*/**', 'build/**', 'data/**', 'test/**', 'bench/**'],
  outDir: '../build/site',
  vite: { plugins: [packagesOfSite] },
  cacheDir: 'node_modules/.vite',
  rewrites: { 'README.md': 'index.md' },
  cleanUrls: true,
  // Files that are no documents, and addresses of the reader's own server.
  ignoreDeadLinks: [/^https?:\/\/localhost/, /\/(?:config|deploy)\//, /\/docs\/adr\/(?:index)?$/, /LICENSE$/, /README$/],
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Getting started', link: '/docs/getting-started/one-server' },
      { text: 'Configuration', link: '/docs/configuration' },
      { text: 'Comparison', link: '/docs/comparison' },
      { text: '简体中文', link: '/README.zh-CN' },
    ],
    sidebar: [
      group(
        'Getting started',
        'getting-started/one-server',
        'getting-started/cluster',
        'getting-started/mirror',
        'moving-in',
        'comparison',
      ),
      group(
        'Running berth',
        'install',
        'configuration',
        'tls',
        'reverse-proxies',
        'operation',
        'limits',
        'webhooks',
        'backup',
        'verification',
        'security-model',
      ),
      group('Storage', 's3', 'replicas', 'storage', 'garbage-collection', 'deletion', 'retention', 'quotas'),
      group('Images', 'mirror', 'sync', 'images', 'archives', 'signatures'),
      group('Access', 'access'),
      group('Measurements', 'performance', 'scale'),
      {
        text: 'Development',
        items: ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].map(linkTo),
      },
      { text: 'Decisions', collapsed: true, items: decisions.map((name) => linkTo(`docs/adr/${name}`)) },
    ],
  },
});
