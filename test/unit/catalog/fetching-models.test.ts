import { spawn, spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Container } from '../../../src/catalog/container.ts'
import { containerOf, prefetchOf } from './deployment.ts'

/** Programs that the images have and that a machine may lack. */
const programs = ['bash', 'curl', 'python3'].map((name) => ({
  name,
  missing: spawnSync(name, ['--version'], { stdio: 'ignore' }).status !== 0,
}))
const missing = programs.filter((program) => program.missing).map(({ name }) => name)
if (missing.length > 0)
  console.warn(
    `the jobs that fetch models are not tested: this machine has no ${missing.join(', ')} (apt-get install)`,
  )

const commit = '0123456789abcdef0123456789abcdef01234567'
let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ragscale-models-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** A Hub with one model: its files, who may have them, and what was asked for. */
class Hub {
  files: Readonly<Record<string, string>> = {}
  token: string | null = null
  /** Of a file, bytes after which the connection is cut, once. */
  cutAfter: number | null = null
  readonly asked: string[] = []
  readonly #server = createServer((request, response) => this.#answer(request, response))

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? ''
    this.asked.push(path)
    if (this.token !== null && request.headers.authorization !== `Bearer ${this.token}`) {
      response.writeHead(401).end('gated')
      return
    }
    if (path === '/api/models/team/model/revision/main') {
      const siblings = Object.keys(this.files).map((rfilename) => ({ rfilename }))
      response.end(JSON.stringify({ _id: 'x', id: 'team/model', sha: commit, siblings, tags: [] }))
      return
    }
    const text = this.files[path.replace(`/team/model/resolve/${commit}/`, '')]
    if (text === undefined) {
      response.writeHead(404).end('Entry not found')
      return
    }
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (from > 0 && from >= text.length) {
      response.writeHead(416).end()
      return
    }
    const rest = text.slice(from)
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': rest.length,
      ...(from > 0 && { 'content-range': `bytes ${from}-${text.length - 1}/${text.length}` }),
    })
    if (this.cutAfter !== null && rest.length > this.cutAfter) {
      response.write(rest.slice(0, this.cutAfter), () => response.destroy())
      this.cutAfter = null
    } else {
      response.end(rest)
    }
  }
}

interface Ended {
  readonly status: number | null
  readonly said: string
}

async function run(program: string, args: readonly string[], env: Record<string, string>): Promise<Ended> {
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { PATH: process.env['PATH'] ?? '', ...env } })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, said }))
  })
}

async function scriptOf(container: Container): Promise<string> {
  const path = join(folder, 'script')
  await writeFile(path, container.files[0]?.text ?? '')
  return path
}

describe.skipIf(missing.length > 0)('the job that fetches for TEI', () => {
  const hub = new Hub()
  let url = ''
  beforeEach(async () => {
    hub.files = {
      'config.json': '{}',
      'tokenizer.json': '{"a":1}',
      'modules.json': '[]',
      '1_Pooling/config.json': '{"pooling":1}',
      '2_Dense/model.safetensors': 'dense',
      'model.safetensors': 'w'.repeat(100_000),
      'pytorch_model.bin': 'the same again',
      'onnx/model.onnx': 'onnx',
      'onnx/model_quantized.onnx': 'other',
      'openvino/model.xml': 'other',
      'README.md': 'words',
    }
    hub.token = null
    hub.cutAfter = null
    hub.asked.length = 0
    url = url === '' ? await hub.listen() : url
  })
  afterAll(() => hub.close())

  const fetched = (): string => join(folder, 'tei/team/model')
  async function fetchModel(gpu: string, env: Record<string, string> = {}): Promise<Ended> {
    const job = prefetchOf('embed', `model: team/model, gpu: ${gpu}`)
    const [program = '', ...options] = job.command ?? []
    const [model = '', , onnx = ''] = job.args ?? []
    const args = [...options.slice(0, -1), await scriptOf(job), model, fetched(), onnx]
    return await run(program, args, { HF_ENDPOINT: url, ...env })
  }
  const filesThere = async (): Promise<string[]> =>
    (await readdir(fetched(), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(fetched().length + 1))
      .sort()
  const configuration = [
    '.complete',
    '1_Pooling/config.json',
    '2_Dense/model.safetensors',
    'config.json',
    'modules.json',
  ]

  test('takes what TEI reads, and of the weights one form: safetensors for a GPU', async () => {
    expect((await fetchModel('L4')).status).toBe(0)
    expect(await filesThere()).toEqual([...configuration, 'model.safetensors', 'tokenizer.json'].sort())
    expect(await readFile(join(fetched(), 'model.safetensors'), 'utf8')).toHaveLength(100_000)
    expect(await readFile(join(fetched(), '.complete'), 'utf8')).toBe(`${commit}\n`)
  })

  test('ONNX without a GPU', async () => {
    expect((await fetchModel('cpu')).status).toBe(0)
    expect(await filesThere()).toEqual([...configuration, 'onnx/model.onnx', 'tokenizer.json'].sort())
  })

  test('and PyTorch’s where there is nothing else', async () => {
    const { 'model.safetensors': _safe, 'onnx/model.onnx': _onnx, ...others } = hub.files
    hub.files = others
    expect((await fetchModel('cpu')).status).toBe(0)
    expect(await filesThere()).toContain('pytorch_model.bin')
  })

  test('asks for nothing when it is there already', async () => {
    await fetchModel('L4')
    hub.asked.length = 0
    const again = await fetchModel('L4')
    expect([again.status, hub.asked]).toEqual([0, []])
    expect(again.said).toContain('already')
  })

  test('goes on where it was cut off, and a folder is never there in part', async () => {
    hub.cutAfter = 40_000
    const cut = await fetchModel('L4')
    const first = await readdir(join(folder, 'tei/team')).catch(() => [])
    if (cut.status !== 0) expect(first).toEqual(['model.partial'])
    const whole = cut.status === 0 ? cut : await fetchModel('L4')
    expect(whole.status, whole.said).toBe(0)
    expect(await readFile(join(fetched(), 'model.safetensors'), 'utf8')).toBe(hub.files['model.safetensors'])
  }, 60_000)

  test('does not stumble over a file that was whole when the job was killed', async () => {
    const partial = join(folder, 'tei/team/model.partial')
    await mkdir(partial, { recursive: true })
    await writeFile(join(partial, 'model.safetensors.part'), hub.files['model.safetensors'] ?? '')
    expect((await fetchModel('L4')).status).toBe(0)
    expect(await readFile(join(fetched(), 'model.safetensors'), 'utf8')).toHaveLength(100_000)
  })

  test('opens a gated model by the token in its file, and shows it to nobody', async () => {
    hub.token = 'a-token-of-the-test'
    const file = join(folder, 'token')
    await writeFile(file, `${hub.token}\n`)
    const { status, said } = await fetchModel('L4', { HF_TOKEN_PATH: file })
    expect([status, said.includes(hub.token)]).toEqual([0, false])
  })

  test('fails, and says at what, without a token, without weights and without a Hub', async () => {
    hub.token = 'another'
    expect(await fetchModel('L4')).toMatchObject({ status: 22, said: expect.stringContaining('401') })
    hub.token = null
    hub.files = { 'config.json': '{}' }
    expect(await fetchModel('L4')).toMatchObject({
      status: 1,
      said: expect.stringContaining('has no weights'),
    })
    const nowhere = await fetchModel('L4', { HF_ENDPOINT: 'http://127.0.0.1:1' })
    expect(nowhere.status).not.toBe(0)
    expect(await readdir(join(folder, 'tei/team')).catch(() => [])).toEqual([])
  }, 60_000)
})

describe.skipIf(missing.length > 0)('the job that fetches for vLLM and TGI', () => {
  /** In place of the library that the images have: it writes down what it was asked for. */
  async function fetchModel(files: readonly string[]): Promise<Ended & { ignored: string[] }> {
    const library = join(folder, 'library/huggingface_hub')
    await mkdir(library, { recursive: true })
    await writeFile(
      join(library, '__init__.py'),
      `import json, types
constants = types.SimpleNamespace(HF_HUB_CACHE=${JSON.stringify(join(folder, 'hub'))})
class HfApi:
    def list_repo_files(self, model): return ${JSON.stringify(files)}
def snapshot_download(model, ignore_patterns):
    open(${JSON.stringify(join(folder, 'asked.json'))}, "w").write(json.dumps(ignore_patterns))
    return "/snapshots/" + model
`,
    )
    const job = prefetchOf('generate', 'model: team/model, gpu: H100')
    const script = await scriptOf(job)
    const ended = await run('python3', [script, ...(job.args ?? [])], { PYTHONPATH: join(folder, 'library') })
    const asked = await readFile(join(folder, 'asked.json'), 'utf8').catch(() => '[]')
    return { ...ended, ignored: JSON.parse(asked) as string[] }
  }

  test('leaves out second copies of the weights, and none that is the only one', async () => {
    const both = await fetchModel(['model-1.safetensors', 'consolidated.safetensors', 'pytorch_model.bin'])
    expect(both.status, both.said).toBe(0)
    expect(both.ignored).toEqual(expect.arrayContaining(['original/*', '*.bin', 'consolidated*']))
  })

  test('keeps what is the only copy', async () => {
    const { ignored } = await fetchModel(['consolidated.safetensors', 'params.json'])
    expect(ignored).not.toContain('consolidated*')
  })

  test('keeps PyTorch’s weights where there are no others', async () => {
    const { ignored } = await fetchModel(['pytorch_model.bin'])
    expect(ignored).not.toContain('*.bin')
  })

  test('asks for nothing when it is there already', async () => {
    await fetchModel(['model.safetensors'])
    await rm(join(folder, 'asked.json'))
    const again = await fetchModel(['model.safetensors'])
    expect([again.status, again.ignored]).toEqual([0, []])
    expect(again.said).toContain('already')
  })
})

describe.skipIf(missing.length > 0)('Ollama’s shell', () => {
  const model = "component: ollama, model: 'llama3.2:1b', gpu: cpu"
  /** In place of the program: a server that runs until it is told to stop, and models as files. */
  async function withOllama(
    container: Container,
    known: readonly string[],
  ): Promise<ReturnType<typeof spawn>> {
    const bin = join(folder, 'bin')
    await mkdir(bin, { recursive: true })
    for (const name of known) await writeFile(join(folder, `model-${name}`), '')
    await writeFile(
      join(bin, 'ollama'),
      `#!/bin/bash
cd ${folder}
echo "$*" >> log
case $1 in
  serve) trap 'echo stopped >> log; exit 0' TERM; touch serving; while :; do sleep 0.05; done ;;
  list) [ -e serving ] ;;
  show) [ -e "model-$2" ] ;;
  pull) touch "model-$2"; [ "$2" != broken ] ;;
  run) [ -e "model-$2" ] ;;
esac
`,
    )
    await chmod(join(bin, 'ollama'), 0o755)
    const [program = '', ...options] = container.command ?? []
    return spawn(program, [...options, ...(container.args ?? [])], {
      env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
      stdio: 'ignore',
    })
  }
  const ended = async (child: ReturnType<typeof spawn>): Promise<number | null> =>
    await new Promise((resolve) => child.on('close', resolve))
  const log = async (): Promise<string[]> =>
    (await readFile(join(folder, 'log'), 'utf8').catch(() => ''))
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
  async function until(line: string): Promise<void> {
    for (let tries = 0; tries < 600 && !(await log()).includes(line); tries++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await log()).toContain(line)
  }

  test('loads the model before anybody asks, and passes on the signal to stop', async () => {
    const child = await withOllama(containerOf('generate', model), ['llama3.2:1b'])
    const exit = ended(child)
    await until('run llama3.2:1b').finally(() => child.kill('SIGTERM'))
    expect(await exit).toBe(0)
    expect((await log()).at(-1)).toBe('stopped')
  }, 60_000)

  test('ends when the model is not there: the container starts again, and says so', async () => {
    expect(await ended(await withOllama(containerOf('generate', model), []))).toBe(1)
  }, 60_000)

  test('pulls what is not there, once', async () => {
    expect(await ended(await withOllama(prefetchOf('generate', model), []))).toBe(0)
    expect(await log()).toContain('pull llama3.2:1b')
    await rm(join(folder, 'log'))
    expect(await ended(await withOllama(prefetchOf('generate', model), []))).toBe(0)
    expect(await log()).not.toContain('pull llama3.2:1b')
  }, 60_000)

  test('fails with the pull', async () => {
    const broken = 'component: ollama, model: broken, gpu: cpu'
    expect(await ended(await withOllama(prefetchOf('generate', broken), []))).not.toBe(0)
  }, 60_000)
})
