import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../../config/schema.ts';
import { fieldsOf, textsOf } from '../../oci/foreign-json.ts';
import { type Finding, ok, reasonOf, skipped, warning } from './finding.ts';

const name = 'docker on this machine';

/** Checks whether docker on this machine can use the registry. `etc`: where its configuration is. */
export async function checkDocker({ publicUrl, listen }: Config, etc = '/etc'): Promise<readonly Finding[]> {
  const url = new URL(publicUrl ?? `http://localhost:${listen.port}`);
  let text: string;
  try {
    text = await readFile(join(etc, 'docker/daemon.json'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      return [warning(name, `cannot read daemon.json: ${reasonOf(error)}`, 'run berth doctor as a user that may read it')];
    return [judge(url, [], [])];
  }
  try {
    const daemon = fieldsOf(JSON.parse(text));
    return [judge(url, textsOf(daemon['insecure-registries']), textsOf(daemon['registry-mirrors']))];
  } catch (error) {
    return [warning(name, `daemon.json is not JSON: ${reasonOf(error)}`, 'docker does not start with it: correct the file')];
  }
}

function judge(url: URL, insecure: readonly string[], mirrors: readonly string[]): Finding {
  if (['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)) return skipped(name, 'docker uses plain HTTP for localhost');
  if (url.protocol === 'http:' && !insecure.includes(url.host))
    return warning(
      name,
      `docker refuses plain HTTP to ${url.host}`,
      `use TLS, or add ${url.host} to insecure-registries in daemon.json`,
    );
  const isMirror = mirrors.some((mirror) => URL.parse(mirror)?.host === url.host);
  return ok(name, `docker can use ${url.host}${isMirror ? ', and pulls images of Docker Hub through it' : ''}`);
}
