physai training rl train --task Isaac-Cartpole --library skrl --num-envs 256 --stop-at-success 0.9 --set agent.agent.learning_rate=3e-4 --output OUT/rl
