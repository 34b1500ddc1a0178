import type { Router } from 'express';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { type CompressibleFile, encodedFile } from './compression.ts';

/** Files that the page loads. Their URLs change with their content, so that browsers may keep them for ever. */
export interface Assets {
  /** Returns the URL of an asset. */
  url(name: AssetName): string;
  addTo(router: Router): void;
}

export type AssetName = 'style.css' | 'icon.svg' | 'main.js';

interface Asset extends CompressibleFile {
  readonly type: string;
}

/** The scripts of browsers are the TypeScript files of `src/ui`; Node.js takes their types off. */
const scripts = new URL('../../../ui/', import.meta.url);

function readAssets(): ReadonlyMap<string, Asset> {
  const file = (name: string) => readFileSync(new URL(name, import.meta.url));
  return new Map<string, Asset>([
    ['style.css', { type: 'text/css', bytes: file('./style.css') }],
    ['icon.svg', { type: 'image/svg+xml', bytes: file('./icon.svg') }],
    ['main.js', { type: 'text/javascript', bytes: Buffer.from(bundle('main', new Set())) }],
  ]);
}

/** Matches an import of another script, with its name. */
const scriptImport = /^import[^;]*from '\.\/([a-z-]+)\.ts';$/gm;

/**
 * Returns a script and, in front of it, those that it imports: one file is one request. The names of each are its own, but for
 * those that it exports. `done`: names of the scripts that are in the file already.
 */
function bundle(name: string, done: Set<string>): string {
  if (done.has(name)) return '';
  done.add(name);
  const text = stripTypeScriptTypes(readFileSync(new URL(`${name}.ts`, scripts), 'utf8'));
  const imported = [...text.matchAll(scriptImport)].map(([, other = '']) => bundle(other, done));
  const exported = [...text.matchAll(/^export (?:async )?(?:function|class|const) (\w+)/gm)].map(([, found = '']) => found);
  const names = `{ ${exported.join(', ')} }`;
  const body = text.replaceAll(scriptImport, '').replaceAll(/^export /gm, '');
  return `${imported.join('')}const ${names} = (() => {\n${body}\nreturn ${names};\n})();\n`;
}

function createAssets(): Assets {
  const files = readAssets();
  const hash = createHash('sha256');
  for (const [name, { bytes }] of files) hash.update(name).update(bytes);
  const version = hash.digest('hex').slice(0, 16);
  return {
    url: (name) => `/ui/assets/${version}/${name}`,
    addTo(router) {
      router.get('/assets/:version/:name', async (request, response, next) => {
        const asset = files.get(request.params.name);
        if (!asset) {
          next();
          return;
        }
        // A page of another version may be open during an upgrade: it gets the files of this one, and must not keep them.
        const isCurrent = request.params.version === version;
        response.setHeader('Cache-Control', isCurrent ? 'public, max-age=31536000, immutable' : 'no-cache');
        response.setHeader('X-Content-Type-Options', 'nosniff');
        response.setHeader('Content-Security-Policy', "default-src 'none'");
        response.type(asset.type).send(await encodedFile(response, asset));
      });
    },
  };
}

export const assets = createAssets();
