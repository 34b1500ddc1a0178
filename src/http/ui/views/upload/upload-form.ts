import { OciError } from '../../../../oci/errors.ts';
import { type RepositoryName, parseRepositoryName } from '../../../../oci/reference.ts';
import type { Compression } from '../../../../archives/in/compression.ts';
import type { ArchiveSummary, StagedArchive } from '../../../../archives/in/plan.ts';
import { formField, readUpload } from '../../../archives/read-upload.ts';
import { requireRight } from '../../../auth/require-right.ts';
import { noticeBox } from '../../parts/notice.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import { sendPage } from '../../shell/page.ts';
import { redirect } from '../../shell/redirect.ts';
import { type UploadVisit, alertOf } from './upload-view.ts';

/** What the visitor has typed, and why the form was refused. */
interface FormState {
  readonly repository: string;
  readonly compress: string;
  readonly error?: { readonly message: string; readonly field?: 'repository' };
}

/** Shows the form for a file, `?repository=` for a repository, and the visitor's uploads that wait for their commit. */
export async function showUploadForm(visit: UploadVisit): Promise<void> {
  await sendForm(visit, 200, { repository: visit.query.get('repository') ?? '', compress: '' });
}

/** Receives a file, and leads to its preview. A refusal is shown above the form. */
export async function receiveUpload(visit: UploadVisit): Promise<void> {
  const { request, response, imports, visitor, client } = visit;
  try {
    const staged = await readUpload(request, response, async (source, facts) => {
      const repository = parseRepositoryName(formField(request, 'repository') ?? '');
      if (!repository) throw new InvalidRepository();
      await requireRight(client, 'add', repository);
      const sender = { repository, owner: visitor.id, author: client.author };
      return imports.receive(source, sender, { compression: compressionOf(formField(request, 'compress')), ...facts });
    });
    await leadToPreview(visit, staged);
  } catch (error) {
    const isOurs = error instanceof OciError && error.status < 500;
    if (!isOurs && !(error instanceof InvalidRepository)) throw error;
    // The rest of the file is not read.
    if (!request.complete) response.setHeader('Connection', 'close');
    const typed = { repository: formField(request, 'repository') ?? '', compress: formField(request, 'compress') ?? '' };
    if (isOurs) await sendForm(visit, error.status, { ...typed, error: { message: error.message } });
    else await sendForm(visit, 400, { ...typed, error: { message: visit.texts.upload.chooseRepository, field: 'repository' } });
  }
}

class InvalidRepository extends Error {
  override readonly name = 'InvalidRepository';
}

async function leadToPreview({ response, imports, visitor }: UploadVisit, { id }: StagedArchive): Promise<void> {
  // A browser that has gone never learns the id.
  if (response.destroyed) await imports.cancel(id, visitor.id);
  else redirect(response, `/ui/upload/${id}`);
}

const exampleName = 'team/app';
const compressions = ['keep', 'gzip', 'zstd', 'none'] as const;

function compressionOf(text: string | undefined): Compression | undefined {
  return text === 'gzip' || text === 'zstd' || text === 'none' ? text : undefined;
}

async function sendForm(visit: UploadVisit, status: number, state: FormState): Promise<void> {
  const { response, visitor, imports, texts } = visit;
  const waiting = await imports.list(visitor.id);
  const content = html`${noticeBox(visit.takeNotice())} ${alertOf(texts.upload.failed, state.error ? [state.error.message] : [])}
  ${formOf(visit, state)} ${waiting.length === 0 ? undefined : waitingList(visit, waiting)}`;
  sendPage(response, status, { title: texts.upload.title, user: visitor.name, current: 'repositories', content });
}

/** The file comes last: the fields before it are known when it begins. The element shows the progress where there are scripts. */
function formOf({ texts: { upload } }: UploadVisit, { repository, compress, error }: FormState): Html {
  const option = (name: (typeof compressions)[number]) =>
    html`<option value="${name}" ${name === compress ? html`selected` : undefined}>${upload.compressions[name]}</option>`;
  return html`<p>${upload.intro}</p>
    <p class="quiet">${upload.twoSteps}</p>
    <berth-upload
      data-sending="${upload.sending}"
      data-checking="${upload.checking}"
      data-stop="${upload.stop}"
      data-interrupted="${upload.interrupted}"
    >
      <form method="post" action="/ui/upload" enctype="multipart/form-data">
        <label>
          ${upload.repository}
          <input
            name="repository"
            value="${repository}"
            maxlength="255"
            placeholder="${exampleName}"
            autocapitalize="none"
            spellcheck="false"
            required
            ${error?.field === 'repository' ? html`aria-invalid="true"` : undefined}
          />
          <span class="quiet">${upload.repositoryHelp}</span>
        </label>
        <label>
          ${upload.compress}
          <select name="compress">
            ${compressions.map(option)}
          </select>
        </label>
        <label>
          ${upload.file}
          <input type="file" name="archive" accept=".tar,.tgz,.gz,.zst,.oci" required />
        </label>
        <button class="primary">${upload.submit}</button>
      </form>
    </berth-upload>`;
}

function waitingList({ texts, language, now }: UploadVisit, archives: readonly ArchiveSummary[]): Html {
  const { upload } = texts;
  const rows = archives.map(({ id, fileName, repository, startedAt, expiresAt }) => ({
    heading: html`<a href="/ui/upload/${id}">${fileName === '' ? upload.unnamed : fileName}</a>`,
    cells: [repositoryLink(repository), relativeTime(startedAt, now, language), relativeTime(expiresAt, now, language)],
  }));
  const columns = [upload.file, upload.repository, upload.uploaded, upload.expires];
  return html`<h2>${upload.waiting}</h2>
    ${table(upload.waitingCaption, columns, rows)}`;
}

function repositoryLink(repository: RepositoryName): Html {
  return html`<code>${repository}</code>`;
}
