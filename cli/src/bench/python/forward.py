"""What transformers takes for the forward pass of `moepress calibrate`: each text by itself, float32.

    python forward.py MODEL TEXTS.jsonl
"""

import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
tokens = 0
begin = time.perf_counter()
with torch.inference_mode(), open(sys.argv[2], encoding="utf-8") as texts:
    for line in texts:
        ids = tokenizer(json.loads(line)["text"], truncation=True, max_length=512, return_tensors="pt")
        tokens += ids["input_ids"].numel()
        model(**ids)
print(f"{tokens} tokens in {time.perf_counter() - begin:.1f} s, without start and loading")
