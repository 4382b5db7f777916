// Every task of a fresh checkout: `node scripts/setup.js demo|test|check|bench|test:real|test:engine|test:kubernetes|tools [arguments]`.
// Installs what is missing, says so, and is quick the second time. Plain JavaScript that any Node from 20 on
// runs, because it is what fetches the Node that `engines` asks for.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cache = join(root, '.cache')
const nodeMajor = 24

function say(text) {
  process.stderr.write(`setup: ${text}\n`)
}

function fail(text, hint) {
  process.stderr.write(`setup: ${text}\n${hint === undefined ? '' : `  → ${hint}\n`}`)
  process.exit(3)
}

/** Runs a command in the checkout; ends this process with its exit code when it fails. */
function must(command, args, options = {}) {
  const code = attempt(command, args, options)
  if (code !== 0) process.exit(code)
}

function attempt(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error !== undefined) fail(`could not run ${command}: ${error.message}`)
  return signal === null ? status : 130
}

function npm(args, options) {
  // `npm run` names its own program, which then runs under the Node that runs this file.
  const program = process.env.npm_execpath
  if (program === undefined) must(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, options)
  else must(process.execPath, [program, ...args], options)
}

/** `engines.node` of package.json, which is a list of `^a.b.c` and `>=n`. */
function nodeIsNewEnough() {
  const [major, minor, patch] = process.versions.node.split('.').map(Number)
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return engines.node.split('||').some((range) => {
    const [a, b = 0, c = 0] = range
      .replace(/[^0-9.]/g, '')
      .split('.')
      .map(Number)
    const atLeast = major > a || (major === a && (minor > b || (minor === b && patch >= c)))
    return range.includes('^') ? major === a && atLeast : atLeast
  })
}

/** Goes on under a Node that is new enough, fetched as an npm package where the system's is not. */
function ensureNode() {
  if (nodeIsNewEnough()) return
  const system = { win32: 'win', sunos: 'sunos' }[process.platform] ?? process.platform
  const name = `node-${system}-${process.arch}`
  const folder = join(cache, 'node')
  const program = join(
    folder,
    'node_modules',
    name,
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  )
  if (!existsSync(program)) {
    say(
      `Node ${process.versions.node} is older than package.json asks for; fetching Node ${nodeMajor} from npm (${name})`,
    )
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
    npm(['install', '--no-audit', '--no-fund', '--no-save', '--prefix', folder, `${name}@${nodeMajor}`], {
      cwd: folder,
    })
  }
  if (!existsSync(program)) {
    fail(
      `npm has no Node for ${process.platform}-${process.arch}`,
      `install Node ${nodeMajor} and run this again`,
    )
  }
  const env = { ...process.env, PATH: `${dirname(program)}${delimiter}${process.env.PATH}` }
  process.exit(attempt(program, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { env }))
}

function ensureDependencies() {
  const wanted = hashOf([join(root, 'package-lock.json')])
  const stamp = join(root, 'node_modules', '.ragscale-stamp')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
    fail(
      'node_modules is a link to a folder with other dependencies, which npm ci would empty',
      'remove the link and run this again',
    )
  }
  say('installing dependencies (npm ci)')
  npm(['ci', '--no-audit', '--no-fund'])
  writeFileSync(stamp, wanted)
}

function ensureBuild() {
  const wanted = hashOf([
    ...filesBelow(join(root, 'src')),
    join(root, 'tsconfig.json'),
    join(root, 'tsconfig.build.json'),
  ])
  const stamp = join(root, 'dist', '.ragscale-stamp')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  say('compiling src/ to dist/')
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  must(process.execPath, [tool('typescript', 'tsc'), '-p', 'tsconfig.build.json'])
  writeFileSync(stamp, wanted)
}

/** Finds k6, or builds it into the user's cache with the progress shown; an error says how to get one. */
function ensureK6() {
  must(process.execPath, [join(root, 'bin', 'ragscale.js'), 'doctor', '--build', '--quiet'])
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function hashOf(files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(file).update('\0').update(readFileSync(file))
  return hash.digest('hex')
}

/** The script of an installed package's command, run with this Node rather than whatever is first on PATH. */
function tool(packageName, command) {
  const folder = join(root, 'node_modules', packageName)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, typeof bin === 'string' ? bin : bin[command])
}

function hasGo() {
  return spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0
}

/** vitest over the named projects; its counts go to a file, because a reader wants one total at the end. */
function vitest(projects, extra = []) {
  const report = reportOf(projects)
  return countsIn(report, attempt(process.execPath, vitestArguments(projects, report, extra)))
}

/** The same beside what is run next; `end()` waits for it and prints what it wrote. */
function vitestAside(projects, extra = []) {
  const report = reportOf(projects)
  const log = `${report}.log`
  const output = openSync(log, 'w')
  const child = spawn(process.execPath, vitestArguments(projects, report, extra), {
    cwd: root,
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  const ended = once(child, 'close')
  return {
    async end() {
      const [code, signal] = await ended
      process.stdout.write(readFileSync(log))
      return countsIn(report, signal === null ? code : 130)
    },
  }
}

function reportOf(projects) {
  const report = join(cache, `vitest-${projects.join('-')}.json`)
  rmSync(report, { force: true })
  return report
}

function vitestArguments(projects, report, extra) {
  return [
    tool('vitest', 'vitest'),
    'run',
    ...projects.flatMap((name) => ['--project', name]),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    // Of what is named, one project may have nothing.
    ...(extra.length > 0 ? ['--passWithNoTests'] : []),
    ...extra,
  ]
}

function countsIn(report, code) {
  if (!existsSync(report)) return { passed: 0, failed: Math.max(1, code), skipped: 0 }
  const counts = JSON.parse(readFileSync(report, 'utf8'))
  const failed = counts.numFailedTests + (code !== 0 && counts.numFailedTests === 0 ? 1 : 0)
  return { passed: counts.numPassedTests, failed, skipped: counts.numPendingTests + counts.numTodoTests }
}

/** The k6 extension's tests, counted by top-level test. */
function goTest() {
  if (!hasGo()) {
    say('SKIPPED: the tests of xk6-ragscale, because there is no Go toolchain on this machine')
    return { passed: 0, failed: 0, skipped: 1 }
  }
  const folder = join(root, 'xk6-ragscale')
  const { stdout, status } = spawnSync('go', ['test', '-json', './...'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, CGO_ENABLED: '0' },
  })
  const events = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
  const count = (action) =>
    events.filter((event) => event.Action === action && event.Test !== undefined && !event.Test.includes('/'))
      .length
  const failed = count('fail') + (status !== 0 && count('fail') === 0 ? 1 : 0)
  if (failed > 0)
    for (const event of events) if (event.Output !== undefined) process.stdout.write(event.Output)
  say(`xk6-ragscale: ${count('pass')} passed, ${failed} failed`)
  return { passed: count('pass'), failed, skipped: count('skip') }
}

function finish(...parts) {
  const sum = (key) => parts.reduce((total, part) => total + part[key], 0)
  const skipped = sum('skipped') === 0 ? '' : `, ${sum('skipped')} skipped`
  process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed${skipped}\n`)
  process.exit(sum('failed') === 0 && sum('passed') > 0 ? 0 : 1)
}

/** A Docker engine of the tests' own, and what its images hold. */
const inAnEngine = [
  'dockerd',
  'docker',
  'docker-compose',
  'iptables',
  'ip',
  'busybox',
  'nginx',
  'redis-server',
]

/** What is there already is not installed again. */
function ensureTools(names) {
  const code = attempt(process.execPath, [join(root, 'test', 'tools', 'install.ts'), ...names])
  if (code !== 0) process.exit(code)
}

const tasks = {
  demo(args) {
    ensureBuild()
    ensureK6()
    // Ctrl-C is for the demo, which takes its stack down first; this process waits for it.
    process.on('SIGINT', () => {})
    process.exit(attempt(process.execPath, [join(root, 'bin', 'ragscale.js'), 'demo', ...args]))
  },
  async test(args) {
    ensureBuild()
    ensureK6()
    // Containers are mostly waited for.
    const engine = vitestAside(['engine'], args)
    const meanwhile = [goTest(), vitest(['unit', 'cli', 'proof'], args), vitest(['e2e'], args)]
    // What times real processes runs by itself, after all others.
    finish(...meanwhile, await engine.end(), vitest(['timing'], args))
  },
  check() {
    const sources = ['src', 'test', 'bench', 'k6-scripts', 'scripts', 'bin', 'vitest.config.ts']
    must(process.execPath, [tool('oxfmt', 'oxfmt'), '--check', ...sources])
    must(process.execPath, [tool('oxlint', 'oxlint'), '--type-aware', ...sources])
    must(process.execPath, [tool('typescript', 'tsc'), '-p', 'tsconfig.json'])
    must(process.execPath, [tool('knip', 'knip')])
    ensureBuild()
    must(process.execPath, [tool('publint', 'publint')])
    finish(vitest(['unit', 'cli']))
  },
  build() {
    ensureBuild()
  },
  /** What the tests hold generated files to: test/tools/README.md. */
  tools(args) {
    process.exit(attempt(process.execPath, [join(root, 'test', 'tools', 'install.ts'), ...args]))
  },
  /** Swarms, rollouts and faults in Docker engines of their own, and longer rollouts on local: what takes minutes each. */
  'test:engine'(args) {
    ensureTools([...inAnEngine, 'haproxy', 'redis-cli', 'docker-registry'])
    ensureBuild()
    ensureK6()
    finish(vitest(['engine', 'engine-long'], args), vitest(['rollouts'], args))
  },
  /** The chart and the target on a real control plane: minutes to build the first time, so a suite of its own. */
  'test:kubernetes'(args) {
    const plane = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd', 'kwok']
    const node = ['kubelet', 'kube-proxy', 'coredns', 'contour', 'envoy', 'containerd', 'ctr', 'nft', 'ptp']
    // Its images are made in a Docker engine.
    ensureTools([...plane, ...node, ...inAnEngine, 'helm', 'kubectl'])
    ensureBuild()
    ensureK6()
    finish(vitest(['kubernetes'], args))
  },
  bench(args) {
    ensureBuild()
    ensureK6()
    process.exit(attempt(process.execPath, [join(root, 'bench', 'main.ts'), ...args]))
  },
  'test:real'(args) {
    ensureBuild()
    ensureK6()
    const env = { ...process.env, RAGSCALE_REAL: JSON.stringify(args) }
    process.exit(attempt(process.execPath, [tool('vitest', 'vitest'), 'run', '--project', 'real'], { env }))
  },
}

const [task = '', ...args] = process.argv.slice(2)
if (tasks[task] === undefined) fail(`no task '${task}'`, `one of ${Object.keys(tasks).join(', ')}`)
ensureNode()
mkdirSync(cache, { recursive: true })
ensureDependencies()
await tasks[task](args)
