import { digestOf } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { invalidArchive, quoted } from '../archive-error.ts';
import type { ArchiveContents } from './contents.ts';
import {
  describe,
  isObject,
  parseDocument,
  readConfig,
  requireBlob,
  requireDiffId,
  requireDocument,
  requireLayerCount,
} from './images.ts';
import type { ResolvedBlob, ResolvedImage } from './resolved.ts';

const layerTypes = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
} as const;

const configType = 'application/vnd.oci.image.config.v1+json';

interface DockerImage {
  readonly config: string;
  readonly names: readonly string[];
  readonly layers: readonly string[];
}

/**
 * Resolves the images of an archive of `docker save` and of tools that write its format: `manifest.json` lists configs and
 * layers. The format has no manifests, so berth makes one for each image; the config stays as it is, and with it the image ID.
 */
export function resolveDockerArchive(contents: ArchiveContents): readonly ResolvedImage[] {
  return readList(contents).map((image) => resolveImage(contents, image));
}

const listName = 'manifest.json';

function readList(contents: ArchiveContents): readonly DockerImage[] {
  const list = parseDocument(listName, requireDocument(contents, listName, 'the format of docker save'));
  if (isObject(list) && list['schemaVersion'] !== undefined)
    throw invalidArchive(
      `entry "${listName}": expected a list of images, found a manifest: folders of skopeo (dir:) and podman (docker-dir) are not ` +
        'imported; write an oci-archive or docker-archive',
    );
  if (!Array.isArray(list)) throw invalidArchive(`entry "${listName}": expected a list of images, found ${describe(list)}`);
  return list.map((image: unknown, index) => {
    const where = `image ${index + 1} of "${listName}"`;
    if (!isObject(image)) throw invalidArchive(`${where}: expected an object, found ${describe(image)}`);
    const { Config: config, RepoTags: names, Layers: layers } = image;
    if (typeof config !== 'string')
      throw invalidArchive(`${where}: expected the name of an entry in Config, found ${describe(config)}`);
    return { config, names: readTexts(names, `${where}: RepoTags`), layers: readTexts(layers, `${where}: Layers`) };
  });
}

function readTexts(value: unknown, where: string): readonly string[] {
  const texts = value ?? [];
  if (Array.isArray(texts) && texts.every((text) => typeof text === 'string')) return texts;
  throw invalidArchive(`${where}: expected a list of texts, found ${describe(value)}`);
}

function resolveImage(contents: ArchiveContents, { config: configName, names, layers: layerNames }: DockerImage): ResolvedImage {
  const wantedBy = `"${listName}"`;
  const configBytes = requireDocument(contents, configName, wantedBy);
  requireNamedDigest(configName, configBytes);
  const config = readConfig(configName, configBytes);
  requireLayerCount(configName, config, layerNames.length);
  const layers = layerNames.map((name, index) => resolveLayer(contents, name, config.diffIds[index]));
  const configBlob = { digest: digestOf(configBytes), sizeBytes: configBytes.length, source: configBytes };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: configType, digest: configBlob.digest, size: configBlob.sizeBytes },
      layers: layers.map(({ digest, sizeBytes, mediaType }) => ({ mediaType, digest, size: sizeBytes })),
    }),
  );
  const digest = digestOf(manifest);
  return {
    names,
    digest,
    manifests: [{ digest, mediaType: mediaTypes.ociManifest, bytes: manifest }],
    blobs: [configBlob, ...layers],
    platforms: config.platforms,
    missing: [],
    note: undefined,
  };
}

function resolveLayer(contents: ArchiveContents, name: string, diffId: string | undefined): ResolvedBlob & { mediaType: string } {
  const blob = requireBlob(contents, name, `"${listName}"`);
  if (Buffer.isBuffer(blob.source)) throw invalidArchive(`entry ${quoted(name)}: expected a layer, found a JSON document`);
  const { archived, compression } = blob.source;
  // A blob of an OCI layout is named by its digest, so that its bytes are right; the config may still list another layer.
  const found = blob.source.diffId ?? (archived.format === 'tar' ? archived.digest : undefined);
  if (found !== undefined) requireDiffId(name, diffId, found);
  return { ...blob, mediaType: layerTypes[compression] };
}

/** Configs are named by their digest. */
function requireNamedDigest(name: string, bytes: Buffer): void {
  const expected = /(?:^|[/:])([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1];
  const found = digestOf(bytes);
  if (expected !== undefined && found !== `sha256:${expected}`)
    throw invalidArchive(`entry ${quoted(name)} has another digest: expected sha256:${expected}, found ${found}`);
}
