import type { ImageDescription, SingleImage } from '../../../../images/description/describe-image.ts';
import type { ImageConfig } from '../../../../images/description/image-config.ts';
import { parsePlatform } from '../../../../oci/platform.ts';
import type { Reference } from '../../../../oci/reference.ts';
import { pullFields } from '../../parts/commands.ts';
import { digestCode } from '../../parts/digest.ts';
import { byteSize } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import { sendPage } from '../../shell/page.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { layerTable } from './steps.ts';

const mostReferrers = 50;
const mostReferrerBytes = 1024 * 1024;

/** Shows an image: how to pull it, its platforms, configuration, layers, labels, and the artifacts that belong to it. */
export async function showImage(visit: ImageVisit): Promise<void> {
  const { registry, catalog, repository, reference, visitor, response, host, query, texts } = visit;
  const image = await catalog.describe(repository, reference, parsePlatform(query.get('platform') ?? ''));
  const limit = { items: mostReferrers, bytes: mostReferrerBytes };
  const referrers = await registry.listings.referrers(repository, image.digest, { artifactType: undefined }, '', limit);
  const title = nameOf(repository, reference);
  const content = html`<p><a href="/ui/r/${repository}">${repository}</a></p>
    ${pullFields(texts, `${host}/${title}`)} ${factsOf(visit, image)} ${platformTable(visit, image)}
    ${image.image && imageParts(visit, image.image)} ${fileTable(visit, image)}
    ${pairs(texts.image.annotations, texts.image, image.annotations)} ${referrerTable(visit, referrers)}
    <p><a href="/ui/r/${title}/-/raw">${texts.image.raw}</a></p>`;
  sendPage(response, 200, { title, user: visitor.name, current: 'repositories', content });
}

/** Sends the exact bytes of the manifest, as text that no browser runs. */
export async function showRaw({ response, catalog, repository, reference }: ImageVisit): Promise<void> {
  const bytes = await catalog.manifestBytes(repository, reference);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Security-Policy', "default-src 'none'; sandbox");
  response.setHeader('Cache-Control', 'no-store');
  response.type('text/plain').send(bytes);
}

function nameOf(repository: string, { tag, digest }: Reference): string {
  return tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`;
}

function factsOf({ repository, texts }: ImageVisit, image: ImageDescription): Html {
  const { digest, kind, artifactType, tags, subject } = image;
  const others = tags.map((tag) => html`<a class="chip" href="/ui/r/${repository}:${tag}">${tag}</a> `);
  const download = image.image?.downloadBytes;
  return html`<dl>
    <dt>${texts.tags.digest}</dt>
    <dd><code>${digest}</code></dd>
    <dt>${texts.tags.kind}</dt>
    <dd><span class="chip">${texts.tags.kinds[kind]}</span> ${artifactType}</dd>
    ${
      download === undefined
        ? undefined
        : html`<dt>${texts.image.download}</dt>
            <dd>${byteSize(download)}</dd>`
    }
    ${
      others.length === 0
        ? undefined
        : html`<dt>${texts.image.otherTags}</dt>
            <dd>${others}</dd>`
    }
    ${
      subject === undefined
        ? undefined
        : html`<dt>${texts.image.subject}</dt>
            <dd><a href="/ui/r/${repository}@${subject}">${digestCode(subject)}</a></dd>`
    }
  </dl>`;
}

function platformTable({ repository, reference, texts }: ImageVisit, { platforms }: ImageDescription): Html | undefined {
  if (platforms.length === 0) return undefined;
  const base = `/ui/r/${nameOf(repository, reference)}`;
  const rows = platforms.map(({ platform, digest, downloadBytes, isShown }) => ({
    heading: html`<a
      href="${base}?${new URLSearchParams({ platform }).toString()}"
      ${isShown ? html`aria-current="true"` : undefined}
      >${platform}</a
    >`,
    cells: [
      html`<a href="/ui/r/${repository}@${digest}">${digestCode(digest)}</a>`,
      downloadBytes === undefined ? html`<span class="quiet">${texts.image.notStored}</span>` : byteSize(downloadBytes),
    ],
  }));
  return html`<h2>${texts.image.platforms}</h2>
    ${table(texts.image.platforms, [texts.image.platform, texts.tags.digest, texts.image.download], rows)}`;
}

function imageParts(visit: ImageVisit, image: SingleImage): Html {
  const { texts } = visit;
  const { config } = image;
  return html`<h2>${texts.image.details}${config?.platform === undefined ? '' : `: ${config.platform}`}</h2>
    ${config ? configList(visit, config) : html`<p class="quiet">${texts.image.noConfig}</p>`}
    <h2>${texts.image.layers}</h2>
    ${layerTable(texts, image)} ${config && pairs(texts.image.labels, texts.image, config.labels)}`;
}

function configList({ texts }: ImageVisit, config: ImageConfig): Html {
  const { fields } = texts.image;
  const one = (value: string | undefined) => (value === undefined ? [] : [value]);
  const command = (words: readonly string[]) => (words.length === 0 ? [] : [JSON.stringify(words)]);
  const shown: readonly (readonly [string, readonly string[]])[] = [
    [fields.created, one(config.created)],
    [fields.author, one(config.author)],
    [fields.entrypoint, command(config.entrypoint)],
    [fields.command, command(config.command)],
    [fields.workingDirectory, one(config.workingDirectory)],
    [fields.user, one(config.user)],
    [fields.stopSignal, one(config.stopSignal)],
    [fields.ports, config.ports],
    [fields.volumes, config.volumes],
    [fields.environment, config.environment],
  ];
  const items = shown
    .filter(([, values]) => values.length > 0)
    .map(
      ([name, values]) =>
        html`<dt>${name}</dt>
          ${values.map((value) => html`<dd><code>${value}</code></dd>`)}`,
    );
  return html`<dl>${items}</dl>`;
}

/** Shows names and values that people wrote: labels, annotations. */
function pairs(
  title: string,
  columns: { readonly name: string; readonly value: string },
  values: ImageDescription['annotations'],
) {
  const entries = Object.entries(values);
  if (entries.length === 0) return undefined;
  const rows = entries.map(([name, value]) => ({ heading: html`<code>${name}</code>`, cells: [value] }));
  return html`<h2>${title}</h2>
    ${table(title, [columns.name, columns.value], rows)}`;
}

function fileTable({ texts }: ImageVisit, { files }: ImageDescription): Html | undefined {
  if (files.length === 0) return undefined;
  const rows = files.map(({ name, mediaType, digest, sizeBytes }) => ({
    heading: name ?? digestCode(digest),
    cells: [mediaType, digestCode(digest), byteSize(sizeBytes)],
  }));
  const { file, type, size } = texts.image;
  return html`<h2>${texts.image.files}</h2>
    ${table(texts.image.files, [file, type, texts.tags.digest, size], rows)}`;
}

type Referrers = Awaited<ReturnType<ImageVisit['registry']['listings']['referrers']>>;

function referrerTable({ repository, texts }: ImageVisit, { items, more }: Referrers): Html | undefined {
  if (items.length === 0) return undefined;
  const rows = items.map(({ artifactType, mediaType, digest, sizeBytes }) => ({
    heading: html`<a href="/ui/r/${repository}@${digest}">${artifactType ?? mediaType}</a>`,
    cells: [digestCode(digest), byteSize(sizeBytes)],
  }));
  return html`<h2>${texts.image.referrers}</h2>
    ${table(texts.image.referrers, [texts.image.type, texts.tags.digest, texts.tags.size], rows)}
    ${more ? html`<p class="quiet">${texts.image.moreReferrers}</p>` : undefined}`;
}
