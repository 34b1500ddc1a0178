import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import type { Config } from '../../../config/schema.ts';
import { opened } from './connection.ts';
import { type Finding, ok, reasonOf, warning } from './finding.ts';

/** Checks whether the names in the configuration resolve. */
export async function checkNames(config: Config): Promise<readonly Finding[]> {
  const urls = [config.publicUrl, ...Object.values(config.mirror.upstreams).map(({ url }) => url)];
  const hosts = [...new Set(urls.flatMap((url) => (url === undefined ? [] : new URL(url).hostname)))];
  const failed = (
    await Promise.all(
      hosts.map((host) =>
        lookup(host).then(
          () => undefined,
          () => host,
        ),
      ),
    )
  ).filter((host) => host !== undefined);
  if (failed.length === 0) return [ok('names', `${hosts.length} host names resolve`)];
  return [
    warning(
      'names',
      `do not resolve: ${failed.join(', ')}`,
      'check the DNS of this machine, or remove upstreams that are not needed',
    ),
  ];
}

/** Checks whether a server listens at `listen`. */
export async function checkPort({ listen: { host, port } }: Config): Promise<readonly Finding[]> {
  const address = ['0.0.0.0', '::'].includes(host) ? 'localhost' : host;
  const socket = connect({ host: address, port });
  try {
    await opened(socket, 'connect');
    return [ok('port', `a server listens at ${address}:${port}`)];
  } catch (error) {
    return [warning('port', `nothing listens at ${address}:${port}: ${reasonOf(error)}`, 'start the server, or check listen')];
  } finally {
    socket.destroy();
  }
}
