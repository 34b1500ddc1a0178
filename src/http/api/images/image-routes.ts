import { type Route, file, ok, route } from '../table/route.ts';
import * as h from './image-handlers.ts';
import * as s from './image-schemas.ts';

/** Rows about what is inside of images. Names hold slashes: they are parameters of the query. */
export const imageRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/image/files',
    summary: 'List a directory of an image, or of one of its layers with what the layer changes',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: s.filesQuery,
    returns: ok(s.filePage),
    handler: h.listFiles,
  }),
  route({
    method: 'GET',
    path: '/image/file',
    summary: 'Show a file of an image: its entry and its text, or its first bytes',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: s.fileQuery,
    returns: ok(s.fileView),
    handler: h.showFile,
  }),
  route({
    method: 'GET',
    path: '/image/file/content',
    summary: 'Download a file of an image',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: s.fileQuery,
    returns: file('application/octet-stream'),
    handler: h.sendFile,
  }),
  route({
    method: 'GET',
    path: '/image/packages',
    summary: 'List the packages that package managers have installed in an image (dpkg, apk, rpm)',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: s.viewQuery,
    returns: ok(s.packageList),
    handler: h.listPackages,
  }),
  route({
    method: 'GET',
    path: '/image/waste',
    summary: 'Show what layers of an image hide of layers below, and its biggest files',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: s.viewQuery,
    returns: ok(s.waste),
    handler: h.showWaste,
  }),
  route({
    method: 'GET',
    path: '/diff',
    summary: 'Compare two images: configuration, layers, files and packages, and what the second one costs to download',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: s.diffQuery,
    returns: ok(s.diff),
    handler: h.diffImages,
  }),
];
