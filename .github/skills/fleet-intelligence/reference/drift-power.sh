physai fleet-intelligence drift power --success 0.92 --baseline-episodes 100 --production-episodes 150 --false-alarm 0.02 --horizon 200
