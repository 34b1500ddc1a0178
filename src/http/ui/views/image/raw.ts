import { OciError } from '../../../../oci/errors.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { platformOf } from './image-url.ts';

/** Sends the exact bytes of the manifest, or with `?part=config` of the configuration, as text that no browser runs. */
export async function showRaw(visit: ImageVisit): Promise<void> {
  const { response, catalog, repository, reference, query } = visit;
  const bytes =
    query.get('part') === 'config'
      ? await catalog.configBytes(repository, reference, platformOf(visit))
      : await catalog.manifestBytes(repository, reference);
  if (!bytes) throw new OciError('MANIFEST_UNKNOWN');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Security-Policy', "default-src 'none'; sandbox");
  response.setHeader('Cache-Control', 'no-store');
  response.type('text/plain').send(bytes);
}
