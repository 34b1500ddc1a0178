import type { Setting, Tree } from './convert.ts';
import { type ImportedKey, type Settings, set } from './imported.ts';

/** Returns the kind of auth that is configured; one of them if there are several. */
export function authOf(tree: Tree): 'token' | 'htpasswd' | undefined {
  if (tree.get('auth.token')) return 'token';
  return tree.get('auth.htpasswd') ? 'htpasswd' : undefined;
}

/** Sets the keys of berth for defaults of Distribution that differ from those of berth. Returns a remark for each. */
export function addImplied(tree: Tree, settings: Settings): readonly ImportedKey[] {
  const implied: ImportedKey[] = [];
  const imply = (key: string, to: string, setting: Setting, remark: string) => {
    set(settings, to.split('.'), setting);
    implied.push({ key, to, remark });
  };
  if (tree.get('storage.s3'))
    imply('storage.s3', 'storage.blobs.driver', 's3', 'the metadata stays on this machine: see storage.metadata');
  if (tree.get('storage.delete.enabled') === undefined)
    imply('storage.delete', 'delete.enabled', false, 'the default of registry:2');
  const auth = authOf(tree);
  if (auth === 'token') imply('auth.token', 'access.mode', 'external', 'clients keep their token server');
  else if (auth === 'htpasswd') imply('auth.htpasswd', 'access.mode', 'token', 'users and grants are in berth');
  else if (!isLoopback(tree.get('http.addr')))
    imply('auth', 'access.mode', 'token', 'registry:2 was open to everybody; mode open with access.allowOpen: true is, too');
  return implied;
}

function isLoopback(address: unknown): boolean {
  return typeof address === 'string' && /^(?:localhost|127\.[\d.]+|\[::1\]):/.test(address);
}
