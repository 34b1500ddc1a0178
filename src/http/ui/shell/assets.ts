import type { Router } from 'express';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

/** Files that the page loads. Their URLs change with their content, so that browsers may keep them for ever. */
export interface Assets {
  /** Returns the URL of an asset. */
  url(name: AssetName): string;
  addTo(router: Router): void;
}

export type AssetName = 'style.css' | 'icon.svg' | 'main.js';

interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
}

/** The scripts of browsers are the TypeScript files of `src/ui`; Node.js takes their types off. */
const scripts = new URL('../../../ui/', import.meta.url);

function readAssets(): ReadonlyMap<string, Asset> {
  const file = (name: string) => readFileSync(new URL(name, import.meta.url));
  const modules = readdirSync(scripts)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => [name.replace(/\.ts$/, '.js'), { type: 'text/javascript', bytes: script(name) }] as const);
  return new Map<string, Asset>([
    ['style.css', { type: 'text/css', bytes: file('./style.css') }],
    ['icon.svg', { type: 'image/svg+xml', bytes: file('./icon.svg') }],
    ...modules,
  ]);
}

function script(name: string): Buffer {
  const text = stripTypeScriptTypes(readFileSync(new URL(name, scripts), 'utf8'));
  return Buffer.from(text.replaceAll(/(from\s+'\.\/[a-z-]+)\.ts'/g, "$1.js'"));
}

function createAssets(): Assets {
  const files = readAssets();
  const hash = createHash('sha256');
  for (const [name, { bytes }] of files) hash.update(name).update(bytes);
  const version = hash.digest('hex').slice(0, 16);
  return {
    url: (name) => `/ui/assets/${version}/${name}`,
    addTo(router) {
      router.get('/assets/:version/:name', (request, response, next) => {
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
        response.type(asset.type).send(asset.bytes);
      });
    },
  };
}

export const assets = createAssets();
