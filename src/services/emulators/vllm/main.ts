import { runService } from '../../process.ts'
import { startVllm } from './server.ts'

runService(startVllm)
