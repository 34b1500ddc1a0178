import { imageRepository } from './image.ts';
import { largeRepository } from './seed.ts';

/** A view of the page or its twin in the API, with the CPU that it may take in manifest GETs. */
export interface View {
  readonly name: string;
  readonly path: string;
  readonly budget: number;
  /** True for a view that shows what the visitor may pull of the whole registry. */
  readonly isList?: true;
}

const image = `/ui/r/${imageRepository}:1`;
const list = 12;
const files = 20;
const search = 25;
const difference = 60;

/** The API rows beside pages are those that do other work than the page. */
export const views: readonly View[] = [
  { name: 'image', path: image, budget: list },
  { name: 'image, API', path: `/api/v1/image?repository=${imageRepository}&reference=1`, budget: list },
  { name: 'directory of 250 files, 100 shown', path: `${image}/-/files?path=usr/share/d0`, budget: files },
  { name: 'directory of a layer, 50 files', path: `${image}/-/files?path=usr/share/d0&layer=0`, budget: files },
  { name: 'text of 1 KiB', path: `${image}/-/files?path=usr/share/d0/file-0-0`, budget: files },
  { name: 'difference of two images', path: `/ui/diff?from=${imageRepository}:1&to=2`, budget: difference },
  { name: 'start', path: '/ui', budget: list, isList: true },
  { name: 'repositories by push', path: '/ui/repositories', budget: list, isList: true },
  { name: 'repositories by name', path: '/ui/repositories?sort=name', budget: list, isList: true },
  { name: 'repositories of a namespace', path: '/ui/repositories?prefix=team-0/', budget: list },
  { name: 'repositories, API', path: '/api/v1/repositories?limit=50', budget: list, isList: true },
  { name: 'tags by push', path: `/ui/r/${largeRepository}`, budget: list },
  { name: 'tags by size', path: `/ui/r/${largeRepository}?sort=size`, budget: list },
  { name: 'tags, API', path: `/api/v1/tags?repository=${largeRepository}&limit=50`, budget: list },
  { name: 'search, one repository', path: '/ui/search?q=app-47', budget: search },
  { name: 'search, a word of every name', path: '/ui/search?q=app', budget: search, isList: true },
  { name: 'search, two letters', path: '/ui/search?q=te', budget: search, isList: true },
  { name: 'search, a common tag', path: '/ui/search?q=latest', budget: search, isList: true },
  { name: 'search, a word and a filter', path: '/ui/search?q=app+arch:arm64', budget: search },
  { name: 'search, API', path: '/api/v1/search?q=app', budget: search, isList: true },
  { name: 'storage', path: '/ui/storage', budget: list, isList: true },
  { name: 'storage of a namespace', path: '/ui/storage?at=team-0/', budget: list },
  { name: 'storage, API', path: '/api/v1/storage/tree', budget: list, isList: true },
  { name: 'trash', path: '/ui/trash', budget: list, isList: true },
];
