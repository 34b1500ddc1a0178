import type { Indexes } from '../build/indexes.ts';
import { ImageError } from '../index/image-error.ts';
import type { PackageFormat } from '../index/layer-head.ts';
import type { Package } from '../packages/package.ts';
import type { ReadyImage } from './image-opener.ts';

/** A list of packages that an image contains. */
export interface PackageFileView {
  readonly path: string;
  readonly format: PackageFormat;
  /** Why the list could not be read; '' if it was. */
  readonly unread: string;
}

export interface PackageView extends Package {
  readonly format: PackageFormat;
}

/** The packages of an image, by the lists that its merged view contains. */
export interface PackageList {
  readonly files: readonly PackageFileView[];
  /** By name, version and architecture. */
  readonly packages: readonly PackageView[];
}

export interface PackageViews {
  list(view: ReadyImage): Promise<PackageList>;
}

export function createPackageViews({ indexes }: { readonly indexes: Pick<Indexes, 'layer'> }): PackageViews {
  /** Returns the lists of one layer that the merged view shows. */
  async function ofLayer(view: ReadyImage, number: number, paths: ReadonlySet<string>): Promise<PackageList> {
    const layer = view.image.layers[number];
    const found = layer && (await indexes.layer(layer));
    if (found?.state !== 'ready') throw new ImageError('not_ready', 'a layer of the image is not indexed: ask again soon');
    const { packageFiles, packages } = found.index.head;
    const lists = packages ? ((await found.index.json(packages)) as readonly (readonly Package[])[]) : [];
    const shown = packageFiles.flatMap((file, place) => (paths.has(file.path) ? [{ file, list: lists[place] ?? [] }] : []));
    return {
      files: shown.map(({ file }) => file),
      packages: shown.flatMap(({ file: { format }, list }) => list.map((one) => ({ ...one, format }))),
    };
  }

  return {
    async list(view) {
      const pathsByLayer = new Map<number, Set<string>>();
      for (const { layer, path } of view.index.head.packageFiles) {
        pathsByLayer.set(layer, (pathsByLayer.get(layer) ?? new Set()).add(path));
      }
      const lists: PackageList[] = [];
      for (const [layer, paths] of pathsByLayer) lists.push(await ofLayer(view, layer, paths));
      return {
        files: lists.flatMap(({ files }) => files),
        packages: lists.flatMap(({ packages }) => packages).sort(comparePackages),
      };
    },
  };
}

function comparePackages(one: Package, other: Package): number {
  return compare(one.name, other.name) || compare(one.version, other.version) || compare(one.architecture, other.architecture);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
