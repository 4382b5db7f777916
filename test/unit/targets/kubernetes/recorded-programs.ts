import {
  ClusterUnreachable,
  type Env,
  type Program,
  Programs,
  type Ran,
  isUnreachable,
} from '../../../../src/targets/kubernetes/programs.ts'

/** Answers by the beginning of what is asked. */
export class Recorded extends Programs {
  readonly #answers: Readonly<Record<string, Partial<Ran>>>
  readonly asked: string[] = []
  constructor(answers: Readonly<Record<string, Partial<Ran>>>, env: Env = {}) {
    super(env)
    this.#answers = answers
  }
  override async attempt(program: Program, args: readonly string[]): Promise<Ran> {
    const asked = `${program} ${args.join(' ')}`
    this.asked.push(asked)
    const found = Object.entries(this.#answers).find(([begin]) => asked.startsWith(begin))
    if (found === undefined) throw new Error(`nothing was recorded for ${asked}`)
    const ran = { ok: true, stdout: '', stderr: '', ...found[1] }
    if (!ran.ok && isUnreachable(ran.stderr)) throw new ClusterUnreachable(ran.stderr)
    return ran
  }
}
