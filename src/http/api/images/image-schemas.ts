import { z } from 'zod';
import { entryTypes } from '../../../images/index/entry.ts';
import { changeKinds } from '../../../images/index/image-head.ts';
import { fileOrders } from '../../../images/view/file-order.ts';
import { parsePlatform } from '../../../oci/platform.ts';
import { imageQuery, parsed, reference, repository } from '../content/content-schemas.ts';

/** The JSON of requests and responses about what is inside of images. */

// Requests.

/** Seconds. */
const longestWait = 60;
/** A page of more entries could need a third frame of an index. */
const maxPage = 500;

const wait = z.coerce
  .number<string>()
  .int()
  .min(0)
  .max(longestWait)
  .optional()
  .meta({ description: 'seconds to wait while the image is indexed; default: 0' });
const platform = parsed(parsePlatform, 'must be a platform, such as linux/amd64')
  .optional()
  .meta({ description: 'of an index, such as linux/arm64; default: linux/amd64, or the first' });
const path = z
  .string()
  .max(4096)
  .transform((text) => text.replace(/^\/+|\/+$/g, ''));
const layer = z.coerce
  .number<string>()
  .int()
  .min(0)
  .optional()
  .meta({ description: 'number of a layer, from 0 at the bottom; default: all layers merged' });

export const viewQuery = imageQuery.extend({ platform, wait });
export const filesQuery = viewQuery.extend({
  path: path.optional().meta({ description: 'a directory; default: the root' }),
  layer,
  find: z.string().min(1).max(255).optional().meta({ description: 'part of a name: files below the directory that have it' }),
  sort: z.enum(fileOrders).optional().meta({ description: 'all of a directory with at most 5,000 entries; default: by name' }),
  after: z.string().max(4096).optional().meta({ description: 'the `next` of the page before' }),
  limit: z.coerce.number<string>().int().min(1).max(maxPage).optional().meta({ description: 'default: 100' }),
});
export const fileQuery = viewQuery.extend({ path, layer });
export const diffQuery = z.object({
  repository,
  from: reference,
  to: reference,
  toRepository: repository.optional().meta({ description: 'of `to`; default: the same' }),
  platform,
  wait,
  limit: z.coerce.number<string>().int().min(1).max(1000).optional().meta({ description: 'changed files; default: 200' }),
});

// Responses.

const size = z.number().int();
const dateTime = z.string().meta({ format: 'date-time' });

const index = z
  .object({
    state: z.enum(['ready', 'building', 'missing', 'failed', 'off']),
    message: z.string().meta({ description: 'why the contents are not there; empty if ready' }),
    limit: z.string().nullable().meta({ description: 'the limit that a layer exceeds, or format' }),
  })
  .meta({ id: 'ImageIndex' });
const image = z
  .object({
    repository: z.string(),
    digest: z.string(),
    platform: z.string().nullable(),
    platforms: z.array(z.string()).meta({ description: 'of an index' }),
    layers: z.array(z.object({ digest: z.string(), mediaType: z.string(), size })),
    foreignLayers: z
      .number()
      .int()
      .meta({ description: 'number of layers that clients get elsewhere: their files are not shown' }),
  })
  .meta({ id: 'ImageContents' });

export const fileEntry = z
  .object({
    path: z.string(),
    name: z.string(),
    type: z.enum(entryTypes),
    mode: z.string().meta({ description: 'octal' }),
    uid: z.number(),
    gid: z.number(),
    user: z.string(),
    group: z.string(),
    size,
    modifiedAt: dateTime.nullable(),
    link: z.string().nullable().meta({ description: 'target of a link' }),
    sha256: z.string().nullable(),
    layer: z.number().nullable().meta({ description: 'where the entry comes from, from 0 at the bottom' }),
    files: z.number().nullable().meta({ description: 'files below a directory' }),
    bytes: size.nullable().meta({ description: 'their sizes together' }),
    opaque: z.boolean().meta({ description: 'a directory that hides those of the layers below' }),
    implied: z.boolean().meta({ description: 'a directory without an entry of its own' }),
  })
  .meta({ id: 'FileEntry' });
export const filePage = z
  .object({
    image,
    index,
    items: z.array(fileEntry.extend({ change: z.enum(changeKinds).nullable().meta({ description: 'of a layer' }) })),
    next: z.string().nullable(),
  })
  .meta({ id: 'FilePage' });
export const fileView = z
  .object({
    image,
    entry: fileEntry,
    text: z.string().nullable().meta({ description: 'of a file with UTF-8 text of at most 1 MiB' }),
    hex: z.string().nullable().meta({ description: 'the first 64 KiB of other files' }),
  })
  .meta({ id: 'FileView' });
export const packageList = z
  .object({
    image,
    index,
    files: z.array(
      z.object({ path: z.string(), format: z.string(), unread: z.string().meta({ description: 'why it could not be read' }) }),
    ),
    items: z.array(z.object({ name: z.string(), version: z.string(), architecture: z.string(), format: z.string() })),
  })
  .meta({ id: 'PackageList' });
export const waste = z
  .object({
    image,
    index,
    totalBytes: size,
    wastedBytes: size.meta({ description: 'of files that layers above delete or replace' }),
    efficiency: z.number().meta({ description: '1 − wasted/total' }),
    layers: z.array(
      z.object({
        digest: z.string(),
        totalBytes: size,
        wastedBytes: size,
        added: z.number(),
        changed: z.number(),
        deleted: z.number(),
      }),
    ),
    wasted: z.array(z.object({ path: z.string(), bytes: size, copies: z.number() })).meta({ description: 'most bytes first' }),
    biggest: z.array(fileEntry).meta({ description: 'the biggest files, biggest first' }),
  })
  .meta({ id: 'ImageWaste' });

const difference = z.object({ from: z.string().nullable(), to: z.string().nullable() });
const layers = z.array(z.object({ digest: z.string(), mediaType: z.string(), size }));
export const diff = z
  .object({
    from: z.object({ image, index }),
    to: z.object({ image, index }),
    download: z
      .object({ bytes: size, totalBytes: size })
      .meta({ description: 'what a client with the image `from` downloads to get `to`, and a client without any' }),
    config: z.array(difference.extend({ field: z.string() })),
    layers: z.object({ shared: z.number(), removed: layers, added: layers }),
    files: z
      .object({
        added: z.number(),
        removed: z.number(),
        changed: z.number(),
        addedBytes: size,
        removedBytes: size,
        items: z
          .array(z.object({ path: z.string(), bytes: size, from: fileEntry.nullable(), to: fileEntry.nullable() }))
          .meta({ description: 'largest change first' }),
      })
      .nullable()
      .meta({ description: 'null until both images are indexed' }),
    packages: z.array(difference.extend({ name: z.string(), format: z.string(), architecture: z.string() })).nullable(),
  })
  .meta({ id: 'ImageDiff' });
