/** Models from the Hugging Face Hub: the volume that keeps them, the token that opens gated ones, the job that fetches one. */
import type { Container, Image, Mount, SecretUse } from './container.ts'
import { gibibyte, resources } from './resources.ts'
import { secretNames } from './secrets.ts'

/**
 * The library reads the token from the file that this variable names, and takes an empty or missing one for none
 * (huggingface_hub, `utils/_auth.py`).
 */
export const hubToken: SecretUse = {
  name: secretNames.huggingFaceToken,
  fileEnv: 'HF_TOKEN_PATH',
  optional: true,
}

/** The volume that all replicas of all tiers read their models from. */
export function modelsMount(path: string, sizeBytes: number | null): Mount {
  return { name: 'models', path, kind: 'shared', sizeBytes }
}

/** What a model takes on the disk: its weights, and its tokenizer and configuration. */
export function modelDiskBytes(weightsBytes: number | null): number | null {
  return weightsBytes === null ? null : Math.ceil(weightsBytes * 1.1 + gibibyte)
}

/**
 * Fetches a repository once, with the library that will read it. What is already there whole is not asked for
 * again: a restart needs no Hub, and gets the model that ran before. Left out are second copies of the weights in
 * formats that no server here reads.
 */
const fetchScript = `
import os, pathlib, sys
from huggingface_hub import HfApi, constants, snapshot_download

model = sys.argv[1]
done = pathlib.Path(constants.HF_HUB_CACHE, ".ragscale", model.replace("/", "--"))
if done.exists():
    print(f"{model} is here already; to fetch it anew remove {done}")
    raise SystemExit(0)
names = HfApi().list_repo_files(model)
leave = ["original/*", "onnx/*", "openvino/*", "*.pth", "*.gguf", "*.h5", "*.msgpack", "*.onnx"]
if any(name.endswith(".safetensors") for name in names):
    leave.append("*.bin")
if any(name.startswith("model") and name.endswith(".safetensors") for name in names):
    leave.append("consolidated*")
path = snapshot_download(model, ignore_patterns=leave)
done.parent.mkdir(parents=True, exist_ok=True)
done.write_text(path + os.linesep)
print(f"{model} is in {path}")
`.trimStart()

const scriptPath = '/etc/ragscale/fetch_model.py'

/** A one-shot job in an image that has Python and `huggingface_hub`, as those of vLLM and TGI do. */
export function fetchFromHub(about: {
  readonly image: Image
  readonly model: string
  /** Of the volume, in the container; the library finds it by itself or by `env`. */
  readonly cachePath: string
  readonly env: Readonly<Record<string, string>>
  readonly weightsBytes: number | null
}): Container {
  return {
    image: about.image,
    command: ['python3', scriptPath],
    args: [about.model],
    env: about.env,
    secrets: [hubToken],
    ports: {},
    mounts: [modelsMount(about.cachePath, modelDiskBytes(about.weightsBytes))],
    files: [{ path: scriptPath, text: fetchScript }],
    health: null,
    resources: resources({
      cpus: 0.5,
      memoryBytes: gibibyte,
      memoryLimitBytes: 4 * gibibyte,
      because: 'files pass through memory in chunks, several at a time',
    }),
    gpus: 0,
    sharedMemoryBytes: null,
    stop: { graceSeconds: 10, preStopSeconds: 0 },
    root: true,
    readOnly: false,
  }
}
