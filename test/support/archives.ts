import { digestOf } from './images.ts';
import { layerType, type RealImage, realImage } from './real-image.ts';
import { type TarItem, tarOf } from './tar.ts';

/** Archives of images as tools write them. */

const hexOf = (bytes: Uint8Array | string) => digestOf(bytes).slice('sha256:'.length);

/** The path of content in an OCI layout. */
export const blobPath = (bytes: Uint8Array | string) => `blobs/sha256/${hexOf(bytes)}`;

/** The entries of an OCI layout with the images under their names. */
export function ociEntries(images: Readonly<Record<string, RealImage>>): TarItem[] {
  const manifests = Object.entries(images).map(([name, image]) => ({
    ...image.descriptor,
    annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1) },
  }));
  const blobs = new Map(
    Object.values(images).flatMap(({ manifest, config, compressed }) =>
      [manifest, config, compressed].map((content) => [blobPath(content), content] as const),
    ),
  );
  return [
    { name: 'blobs/', type: '5' },
    { name: 'blobs/sha256/', type: '5' },
    ...[...blobs].map(([name, content]) => ({ name, content })),
    { name: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests }) },
    { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
  ];
}

export const ociArchive = (images: Readonly<Record<string, RealImage>>) => tarOf(ociEntries(images));

/**
 * The entries that docker wrote before version 25: a folder for each layer, and symbolic links where images share one. The images
 * have one layer each.
 */
export function legacyEntries(images: Readonly<Record<string, RealImage>>): TarItem[] {
  const items: TarItem[] = [];
  const folders = new Map<string, string>();
  const list = Object.entries(images).map(([name, { config, layer }], at) => {
    const folder = hexOf(`folder ${at}`);
    const first = folders.get(hexOf(layer));
    folders.set(hexOf(layer), first ?? folder);
    items.push(
      { name: `${folder}/`, type: '5' },
      { name: `${folder}/VERSION`, content: '1.0' },
      { name: `${folder}/json`, content: JSON.stringify({ id: folder }) },
      first === undefined
        ? { name: `${folder}/layer.tar`, content: layer }
        : { name: `${folder}/layer.tar`, type: '2', link: `../${first}/layer.tar` },
      { name: `${hexOf(config)}.json`, content: config },
    );
    return { Config: `${hexOf(config)}.json`, RepoTags: [name], Layers: [`${folder}/layer.tar`] };
  });
  return [
    ...items,
    { name: 'manifest.json', content: JSON.stringify(list) },
    { name: 'repositories', content: '{"team/app":{"1":"x"}}' },
  ];
}

/**
 * The entries that `crane pull` 0.20 writes (format tarball): configs are named by their digest, layers by that of their
 * compressed bytes, and a layer that an image has twice is there once.
 */
export function craneEntries(images: Readonly<Record<string, RealImage>>): TarItem[] {
  const files = new Map<string, Uint8Array | string>();
  const list = Object.entries(images).map(([name, { config, compressed, manifest }]) => {
    const { layers } = JSON.parse(manifest) as { readonly layers: readonly unknown[] };
    const layerName = `${hexOf(compressed)}.tar.gz`;
    files.set(digestOf(config), config).set(layerName, compressed);
    return { Config: digestOf(config), RepoTags: [name], Layers: layers.map(() => layerName) };
  });
  return [...[...files].map(([name, content]) => ({ name, content })), { name: 'manifest.json', content: JSON.stringify(list) }];
}

/** The entries that docker 25 and newer write: an OCI layout with uncompressed layers, and `manifest.json`. */
export function dockerEntries(name: string, files: Readonly<Record<string, Uint8Array | string>>) {
  const image = realImage(files);
  const { layer, config } = image;
  const manifest = image.manifest
    .replace(`${layerType}+gzip`, layerType)
    .replace(digestOf(image.compressed), digestOf(layer))
    .replace(`"size":${image.compressed.length}}]`, `"size":${layer.length}}]`);
  const uncompressed: RealImage = {
    ...image,
    manifest,
    compressed: layer,
    descriptor: { ...image.descriptor, digest: digestOf(manifest), size: manifest.length },
  };
  const list = [{ Config: blobPath(config), RepoTags: [name], Layers: [blobPath(layer)] }];
  return {
    image: uncompressed,
    entries: [...ociEntries({ [`docker.io/${name}`]: uncompressed }), { name: 'manifest.json', content: JSON.stringify(list) }],
  };
}

/** Replaces the content of an entry, or leaves the entry out. */
export function changed(entries: readonly TarItem[], name: string, content: Uint8Array | string | undefined): TarItem[] {
  return entries.flatMap((entry) => {
    if (entry.name !== name) return [entry];
    return content === undefined ? [] : [{ ...entry, content }];
  });
}
