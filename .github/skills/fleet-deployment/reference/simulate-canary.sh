physai fleet-deployment rollout simulate --evaluated 0.95 --production 0.8 --baseline-episodes 200
