import type { CommittedTag } from '../../../../archives/in/commit.ts';
import type { StagedArchive } from '../../../../archives/in/plan.ts';
import type { Target } from '../../../../archives/in/targets.ts';
import { OciError } from '../../../../oci/errors.ts';
import { parseRepositoryName, parseTag } from '../../../../oci/reference.ts';
import { type UploadedImage, commitUploaded, listImages } from '../../../archives/uploaded-archive.ts';
import { shortDigest } from '../../parts/digest.ts';
import { byteSize } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import { sendPage } from '../../shell/page.ts';
import { redirect } from '../../shell/redirect.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { type UploadVisit, alertOf } from './upload-view.ts';

/** A target of an image as the form has it. */
interface TargetRow {
  readonly image: number;
  readonly repository: string;
  readonly tag: string;
  readonly isSelected: boolean;
}

/** A row with what is wrong with it. */
interface CheckedRow extends TargetRow {
  readonly isInvalidRepository?: boolean;
  readonly isInvalidTag?: boolean;
}

/** With more rows than this the form would be too large: then the targets are those that the archive proposes. */
const maxRows = 100;

/** Shows the images of an uploaded archive and where they go, for the visitor to change. */
export async function showPreview(visit: UploadVisit, id: string): Promise<void> {
  const archive = await findArchive(visit, id);
  sendPreview(visit, archive, { status: 200, rows: proposedRows(listImages(archive)), messages: [] });
}

/** Stores the images under the targets of the form, and leads to their repository. */
export async function commitUpload(visit: UploadVisit, id: string): Promise<void> {
  const { imports, client, texts, response } = visit;
  const archive = await findArchive(visit, id);
  const hasRows = visit.form.has('image');
  const rows = hasRows ? rowsOf(visit.form).map(checked) : proposedRows(listImages(archive));
  const messages = hasRows ? problemsOf(rows, texts) : [];
  if (messages.length > 0) {
    sendPreview(visit, archive, { status: 400, rows, messages });
    return;
  }
  try {
    const stored = await commitUploaded(imports, archive, client, hasRows ? rows.flatMap(toTarget) : undefined);
    visit.leaveNotice({ kind: 'done', lines: stored.flatMap((image) => storedLines(image, texts)) });
    const repositories = new Set(stored.map(({ repository }) => repository));
    redirect(response, repositories.size === 1 ? `/ui/r/${[...repositories].join('')}` : '/ui/upload');
  } catch (error) {
    if (!(error instanceof OciError) || error.status >= 500) throw error;
    sendPreview(visit, archive, { status: error.status, rows, messages: [refusal(error)] });
  }
}

function storedLines({ repository, tag, missing }: CommittedTag, { upload }: Texts): readonly string[] {
  return [upload.stored(`${repository}:${tag}`), ...(missing.length === 0 ? [] : [upload.missing(missing)])];
}

/** Drops an uploaded archive. */
export async function discardUpload(visit: UploadVisit, id: string): Promise<void> {
  await findArchive(visit, id);
  await visit.imports.cancel(id, visit.visitor.id);
  visit.leaveNotice({ kind: 'done', lines: [visit.texts.upload.discarded] });
  redirect(visit.response, '/ui/upload');
}

async function findArchive({ imports, visitor, texts }: UploadVisit, id: string): Promise<StagedArchive> {
  try {
    return await imports.find(id, visitor.id);
  } catch (error) {
    if (error instanceof OciError && error.code === 'BLOB_UPLOAD_UNKNOWN')
      throw new OciError('NAME_UNKNOWN', { message: texts.upload.gone });
    throw error;
  }
}

/** Names the repository of an error about one. */
function refusal({ message, entries }: OciError): string {
  const detail = entries[0]?.detail;
  const name = typeof detail === 'object' && detail !== null && 'name' in detail ? String(detail.name) : undefined;
  return name === undefined || message.includes(name) ? message : `${name}: ${message}`;
}

function proposedRows(images: readonly UploadedImage[]): readonly TargetRow[] {
  return images.flatMap(({ targets }, image): readonly TargetRow[] => {
    if (targets.length === 0) return [{ image, repository: '', tag: '', isSelected: false }];
    return targets.map(({ repository, tag }) => ({ image, repository, tag, isSelected: true }));
  });
}

/** Reads the rows of the form: each has an image, a repository and a tag; `store` has the positions of the selected ones. */
function rowsOf(form: URLSearchParams): readonly TargetRow[] {
  const [repositories, tags] = [form.getAll('repository'), form.getAll('tag')];
  const selected = new Set(form.getAll('store'));
  return form.getAll('image').map((image, at) => ({
    image: Number(image),
    repository: (repositories[at] ?? '').trim(),
    tag: (tags[at] ?? '').trim(),
    isSelected: selected.has(String(at)),
  }));
}

function checked(row: TargetRow): CheckedRow {
  if (!row.isSelected) return row;
  return {
    ...row,
    isInvalidRepository: parseRepositoryName(row.repository) === undefined,
    isInvalidTag: parseTag(row.tag) === undefined,
  };
}

function problemsOf(rows: readonly CheckedRow[], { upload }: Texts): readonly string[] {
  if (!rows.some(({ isSelected }) => isSelected)) return [upload.nothingSelected];
  const hasInvalid = (field: 'isInvalidRepository' | 'isInvalidTag') => rows.some((row) => row[field] === true);
  return [
    ...(hasInvalid('isInvalidRepository') ? [upload.chooseRepository] : []),
    ...(hasInvalid('isInvalidTag') ? [upload.invalidTag] : []),
  ];
}

function toTarget({ image, repository, tag, isSelected }: TargetRow): readonly Target[] {
  const [name, parsedTag] = [parseRepositoryName(repository), parseTag(tag)];
  return isSelected && name && parsedTag ? [{ image, repository: name, tag: parsedTag }] : [];
}

interface PreviewState {
  readonly status: number;
  readonly rows: readonly CheckedRow[];
  readonly messages: readonly string[];
}

function sendPreview(visit: UploadVisit, archive: StagedArchive, { status, rows, messages }: PreviewState): void {
  const { response, visitor, texts, language, now } = visit;
  const { upload } = texts;
  const images = listImages(archive);
  const { id, fileName, startedAt, expiresAt } = archive;
  const content = html`<p><a href="/ui/upload">${upload.title}</a></p>
    ${alertOf(upload.notStored, messages)}
    <dl>
      <dt>${upload.uploaded}</dt>
      <dd>${relativeTime(startedAt, now, language)}</dd>
      <dt>${upload.expires}</dt>
      <dd>${relativeTime(expiresAt, now, language)}</dd>
    </dl>
    <h2>${upload.images}</h2>
    <form id="store" method="post" action="/ui/upload/${id}/commit">
      ${rows.length > maxRows ? html`<p>${upload.tooMany(images.length)}</p>` : targetTable(texts, images, rows)}
      <p class="quiet">${upload.allOrNothing}</p>
    </form>
    <div class="buttons">
      <button form="store" class="primary">${upload.storeSelected}</button>
      <form method="post" action="/ui/upload/${id}/discard"><button class="danger">${upload.discard}</button></form>
    </div>`;
  const title = fileName === '' ? upload.unnamed : fileName;
  sendPage(response, status, { title, user: visitor.name, current: 'repositories', content });
}

function targetTable({ upload }: Texts, images: readonly UploadedImage[], rows: readonly CheckedRow[]): Html {
  const columns = [upload.image, upload.content, upload.repository, upload.tag];
  const shown = rows.flatMap((row, at) => {
    const image = images[row.image];
    return image ? [targetRow(upload, image, row, at)] : [];
  });
  return table(upload.images, columns, shown);
}

function targetRow(upload: Texts['upload'], image: UploadedImage, row: CheckedRow, at: number) {
  const name = image.names[0] ?? upload.noName;
  return {
    heading: html`<input type="hidden" name="image" value="${row.image}" />
      <label class="choice">
        <input
          type="checkbox"
          name="store"
          value="${at}"
          aria-label="${upload.storeImage(name)}"
          ${row.isSelected ? html`checked` : undefined}
        />
        <span>${name}</span>
      </label>
      <code title="${image.digest}">${shortDigest(image.digest)}</code>
      ${image.note === undefined ? undefined : html`<p class="quiet">${image.note}</p>`}
      ${image.missing.length === 0 ? undefined : html`<p class="quiet">${upload.missing(image.missing)}</p>`}`,
    cells: [
      html`${image.platforms.map((platform) => html`<span class="chip">${platform}</span> `)} ${byteSize(image.bytes)},
      ${upload.layers(image.layers)}`,
      field('repository', row.repository, upload.repositoryOf(name), 255, row.isInvalidRepository),
      field('tag', row.tag, upload.tagOf(name), 128, row.isInvalidTag),
    ],
  };
}

function field(name: string, value: string, label: string, maxLength: number, isInvalid = false): Html {
  return html`<input
    name="${name}"
    value="${value}"
    maxlength="${maxLength}"
    aria-label="${label}"
    autocapitalize="none"
    spellcheck="false"
    ${isInvalid ? html`aria-invalid="true"` : undefined}
  />`;
}
