physai evaluation sil plan --reference 0.7 --improvement 0.15 --power 0.9 --alpha 0.01
