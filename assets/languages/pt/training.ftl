training-title = Treino
training-none = Ainda não há execução
training-none-next = Uma execução mostra aqui a sua perda, a sua velocidade e o que o modelo faz das zonas ocultas.
training-stopping = A parar…
training-stop = Parar
    .tip = Mantém um ponto de controlo; a execução pode continuar depois
training-go-on = Continuar
training-map-scene = Cartografar a cena
    .tip = Escrever o mapa de toda a cena e mostrá-lo
training-waiting = À espera da tarefa anterior…
training-stopped = Parado; o último ponto de controlo é mantido.
training-stopped-early = Parado antes do primeiro passo.
training-shows-archives = uma linha por arquivo: uma cena e o que o modelo faz dela, de até dois sensores · o campo em três cores
training-shows-weather = a última imagem anterior · a previsão · o que foi visto nesse dia
training-shows-scenes = um recorte · o que é mostrado ao modelo · o que faz do resto
training-show-folder = Mostrar a pasta da execução
training-folder = Números, pré-visualizações e ponto de controlo: { $folder }
training-step = passo { $done } de { $total }
training-loss = perda { $loss }
training-steps-a-second = { $steps } passos/s
training-seconds-a-step = { $seconds } s por passo
training-time-left = faltam { $time }
training-axis-step = Passo
training-axis-loss = Perda
training-running-mean = média móvel
training-curve = Perda ao longo dos passos
training-preview = Pré-visualização mais recente
training-skill = acerto de { $from } a { $to } dias
training-kind-scenes = Cenas
    .tip = Pré-treinar DOFA com cenas isoladas
training-kind-archives = Arquivos
    .tip = Pré-treinar STP com cenas datadas de vários sensores
training-kind-weather = Tempo
    .tip = Pré-treinar KG-VSF com imagens datadas e tempo diário
training-kind-tune = Ajuste fino
training-scenes = Pré-treinar um modelo com cenas
training-scenes-about = Três quartos de cada imagem são ocultados; o modelo aprende a reencontrá-los. Não são precisas etiquetas.
training-open-scene = Abrir primeiro uma cena.
training-bands = { $count ->
        [one] { $count } banda
       *[other] { $count } bandas
    }
training-model = Modelo
training-size = Tamanho
training-images = imagens
training-device = Dispositivo
training-file = Ficheiro
training-start = Iniciar treino
training-runs = Esta execução já está em curso
training-copy = Copiar como comando
    .tip = A linha de comandos que faz o mesmo
training-tune = Ajustar um modelo a etiquetas de uma cena
training-tune-about = Um quinto das etiquetas, à parte das outras, diz qual passo foi o melhor.
training-scene = Cena
training-scene-none = nenhuma: abrir uma primeiro
training-labels = Etiquetas
training-labels-painted = as pintadas ({ $count ->
        [one] { $count } classe
       *[other] { $count } classes
    })
training-labels-file = um ficheiro de etiquetas
training-labels-tip = GeoPackage, GeoJSON, Shapefile, CSV ou raster; vazio usa o que está pintado
training-answers = Respostas
training-task-pixels = uma classe por píxel
training-task-patches = uma classe por patch
training-task-values = um valor por píxel
training-learns = Aprende
training-mode-probe = uma camada linear
training-mode-frozen = pirâmide e UPerNet
training-mode-last = e os dois últimos blocos
training-mode-lora = e LoRA em cada bloco
training-mode-full = todo o modelo
training-weights = Pesos
    .tip = Como escolhido em Executar
training-weights-none = nenhum (não treinado)
training-windows = janelas
training-choose-out = Escolher onde os pesos são escritos
training-steps = Passos
training-batch = Lote
training-rate = Taxa
    .tip = Taxa de aprendizagem no fim da sua subida; depois desce a zero
training-begin = Início
training-begin-trained = { $file } (treinado)
training-begin-nothing = do zero (não treinado)
training-begin-from = de { $file } (treinado)
training-begin-none = Não há pesos deste tamanho instalados.
training-weather = Pré-treinar um modelo com imagens e tempo
training-weather-about = A partir de algumas imagens e do tempo que se segue são previstas imagens posteriores. O último quinto das imagens é reservado para avaliar as previsões. Não são precisas etiquetas.
training-place = Lugar
training-place-images = Imagens
training-place-dated = { $name }, { $count ->
        [one] { $count } imagem datada
       *[other] { $count } imagens datadas
    }
training-place-none = nenhuma: abrir primeiro uma série
training-place-weather = Tempo
    .tip = O tempo diário do projeto
training-place-weather-none = nenhum: adicionar primeiro uma tabela de tempo
training-weather-begin-tip = O modelo conhece então só as bandas destes pesos
training-masked = Destes
    .suffix = mascarados primeiro
    .tip = Passos em que partes ocultas são reconstruídas, antes dos de previsão
training-crops-suffix = recortes
training-archives = Pré-treinar um modelo com arquivos
training-archives-about = De cada lugar mostram-se algumas cenas datadas e outras devem ser reencontradas, ao longo do tempo. Não são precisas etiquetas.
training-archives-begin-tip = O modelo conhece então só os sensores destes pesos
training-batch-archives-tip = De arquivos diferentes onde há vários
training-places-suffix = lugares
training-crops = Recortes
training-crop-size = { $side } × { $side } píxeis
training-frames = Imagens
    .suffix = por lugar
    .tip = Cenas datadas em que um lugar é visto, no máximo
training-archives-none = Abrir uma série ou adicionar uma pasta de cenas datadas.
training-dated = { $count ->
        [one] { $count } imagem datada
       *[other] { $count } imagens datadas
    }
training-dated-one-archive = { $count } imagens datadas, como um arquivo: estão num mesmo lugar
training-leave-folder = Omitir esta pasta
training-add-folder = Adicionar uma pasta…
    .tip = Uma pasta de cenas datadas de um lugar, de quaisquer sensores
training-choose-scene = Escolher pelo menos uma cena
training-scene-first = Adicionar primeiro uma cena
training-labels-first = Pintar etiquetas ou indicar um ficheiro de etiquetas
training-archives-first = Abrir uma série ou adicionar uma pasta de cenas datadas
training-series-first = Abrir primeiro uma série de imagens datadas
training-weather-first = Adicionar primeiro o tempo diário do lugar (Camada, Adicionar meteorologia…)
